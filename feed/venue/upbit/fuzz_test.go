package upbit_test

import (
	"testing"

	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue/upbit"
)

func FuzzDecode(f *testing.F) { feedtest.Fuzz(f, upbit.Format, "testdata/upbit") }
