package venue_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue"
	"tapedeck/market"
)

// A decoder that was loaded from what another had saved makes the same of every later record.
func TestMemoriesGoOn(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, f := range venue.Formats {
		dirs, _ := filepath.Glob("*/testdata/" + f.Name)
		if len(dirs) == 0 {
			continue
		}
		if _, err := os.Stat(dirs[0]); err != nil {
			t.Fatal(err)
		}
		straight := f.New(feed.DefaultOptions())
		if _, ok := feed.MemoryOf(f, straight); !ok {
			t.Errorf("%s remembers across records and is no feed.Memory: there are no checkpoints of it", f.Name)
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			var records []feed.Record
			for _, m := range feedtest.Messages(t, dirs[0]) {
				records = append(append(records, m.Before...), m.Record)
			}
			others := map[int]feed.Decoder{}
			for i := range 3 * len(records) {
				rec := &records[i%len(records)]
				want := told(f, straight, rec, t)
				for at, other := range others {
					if got := told(f, other, rec, t); got != want {
						t.Fatalf("saved before record %d, and at %d:\n%s\nnot\n%s", at, i, got, want)
					}
				}
				if r.IntN(1+len(others)*len(records)/4) == 0 {
					others[i+1] = again(t, f, straight)
				}
			}
		})
	}
}

// again returns a new decoder with the memory of another.
func again(t *testing.T, f *feed.Format, d feed.Decoder) feed.Decoder {
	made := f.New(feed.DefaultOptions())
	m, _ := feed.MemoryOf(f, d)
	if m == nil {
		return made
	}
	var s, back market.Saver
	m.Save(&s)
	l := market.NewLoader(s.Out)
	made.(feed.Memory).Load(l)
	if err := l.End(); err != nil {
		t.Fatal(err)
	}
	if made.(feed.Memory).Save(&back); string(back.Out) != string(s.Out) {
		t.Fatalf("%d bytes were loaded, and others are saved", len(s.Out))
	}
	for range 20 {
		cut := market.NewLoader(s.Out[:rand.IntN(len(s.Out))])
		f.New(feed.DefaultOptions()).(feed.Memory).Load(cut)
		if cut.End() == nil {
			t.Fatal("what was cut off was taken")
		}
	}
	return made
}

// told is what a record becomes, as text.
func told(f *feed.Format, d feed.Decoder, r *feed.Record, t *testing.T) string {
	var b market.Batch
	if err := d.Decode(&b, r); err != nil {
		reason := feed.BadValue
		errors.As(err, &reason)
		return string(reason)
	}
	text := ""
	for _, ev := range b.Events {
		if k, ok := ev.Payload.(*market.Book); ok {
			if k.Check != nil && f.Check(k.Check.Name) != k.Check {
				t.Fatalf("%s is not among the format's checks", k.Check.Name)
			}
			c := *k
			c.Chain, c.Check = nil, nil
			text += fmt.Sprint(*ev.Symbol, ev.Time, c, k.Chain != nil, k.Check != nil)
			continue
		}
		text += fmt.Sprintf("%v %d %T %v\n", *ev.Symbol, ev.Time, ev.Payload, ev.Payload)
	}
	return text
}
