package itch_test

import (
	"testing"

	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue/itch"
)

func FuzzDecode(f *testing.F) { feedtest.Fuzz(f, itch.Format, "testdata/itch") }

func FuzzPacket(f *testing.F) { feedtest.Fuzz(f, itch.Mold, "testdata/itch-mold") }
