package tick_test

import (
	"testing"

	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue/tick"
)

func FuzzTick(f *testing.F) { feedtest.Fuzz(f, tick.Format, "testdata/tick") }
