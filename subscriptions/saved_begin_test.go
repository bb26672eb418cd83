package subscriptions_test

import (
	"bytes"
	"testing"

	"tapedeck/subscriptions"
)

// What is saved symbol by symbol, while the log goes on, is what would have been saved at once when it began; where it
// cannot be, that is said.
func TestSavingWhileTheLogGoesOn(t *testing.T) {
	whole, spoiled, amid := 0, 0, 0
	for seed := range *seeds / 2 {
		w := newWorld(t, seed)
		for range w.r.IntN(150) {
			w.append()
		}
		rec := w.recorder(seed%2 == 1)
		for range 10 {
			w.happens(rec)
		}
		for range 40 {
			p := w.live[w.r.IntN(len(w.live))]
			if rec.node.parts[p].log == nil {
				w.happens(rec)
				continue
			}
			straight := save(rec.node.parts[p])
			saving := rec.node.parts[p].log.Begin()
			steps := 0
			for more := true; more; {
				if w.r.IntN(2) == 0 {
					w.happens(rec)
					steps++
				}
				more = saving.Step()
			}
			parts, ok := saving.Parts()
			switch got := bytes.Join(parts, nil); {
			case !ok:
				spoiled++
			case !bytes.Equal(got, straight):
				t.Fatalf("seed %d: %d bytes were saved while the log went on, and not the %d of when it began", seed, len(got), len(straight))
			default:
				whole++
			}
			if steps > 1 {
				amid++
			}
		}
	}
	t.Log(whole, spoiled, amid)
	if whole < 1000 || spoiled < 10 || amid < 1000 {
		t.Errorf("%d whole, %d spoiled, %d with records amid: that proves nothing", whole, spoiled, amid)
	}
}

// Of two savings at a time the older one is in vain.
func TestSavingTwice(t *testing.T) {
	h := subscriptions.NewHub(subscriptions.Config{})
	l := h.Open(subscriptions.LogStart{Topic: "t", Epoch: "e"}, derived)
	first, second := l.Begin(), l.Begin()
	for first.Step() || second.Step() {
	}
	if _, ok := first.Parts(); ok {
		t.Error("the first counts as whole")
	}
	if _, ok := second.Parts(); !ok {
		t.Error("the second does not")
	}
}
