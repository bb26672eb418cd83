package deribit_test

import (
	"testing"

	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue/deribit"
)

func FuzzDecode(f *testing.F) { feedtest.Fuzz(f, deribit.Format, "testdata/deribit") }
