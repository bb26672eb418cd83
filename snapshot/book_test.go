package snapshot_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"tapedeck/market"
	"tapedeck/snapshot"
)

func limits() snapshot.Limits { return snapshot.DefaultLimits }

func TestBookTellsWhatEachMessageDid(t *testing.T) {
	lose := func(b snapshot.State) snapshot.Effect { b.Lose(); return snapshot.None }
	apply := func(p *market.Book) func(snapshot.State) snapshot.Effect {
		return func(b snapshot.State) snapshot.Effect { return b.Apply(event(p), snapshot.Cause{}) }
	}
	type step struct {
		do   func(snapshot.State) snapshot.Effect
		want snapshot.Effect
		bids string // price and quantity of the best bid; "" where the book is not served
	}
	bid := func(qty string) []market.Level { return levels("9", qty) }
	ask := levels("11", "1")
	for name, steps := range map[string][]step{
		"deltas before the first snapshot are kept": {
			{apply(delta(chain, 5, 6, bid("6"), nil)), snapshot.Broken, ""},
			{apply(delta(chain, 7, 8, bid("8"), nil)), snapshot.None, ""},
			{apply(whole(chain, 5, bid("5"), ask)), snapshot.Mended, "9 8"},
			{apply(delta(chain, 9, 9, bid("9"), nil)), snapshot.Changed, "9 9"},
		},
		"a snapshot that is older than what is kept mends nothing": {
			{apply(delta(chain, 5, 6, bid("6"), nil)), snapshot.Broken, ""},
			{apply(whole(chain, 3, bid("3"), ask)), snapshot.None, ""},
			{apply(whole(chain, 6, bid("6"), ask)), snapshot.Mended, "9 6"},
		},
		"a snapshot that may be late is believed with the first delta": {
			{apply(whole(chain, 5, bid("5"), ask)), snapshot.Broken, ""},
			{apply(delta(chain, 4, 5, bid("4"), nil)), snapshot.Mended, "9 5"},
		},
		"or with the first that starts on it": {
			{apply(whole(chain, 5, bid("5"), ask)), snapshot.Broken, ""},
			{apply(delta(chain, 6, 7, bid("7"), nil)), snapshot.Mended, "9 7"},
		},
		"or with a second snapshot, where there are no deltas": {
			{apply(whole(chain, 5, bid("5"), ask)), snapshot.Broken, ""},
			{apply(whole(chain, 6, bid("6"), ask)), snapshot.Mended, "9 6"},
			{apply(whole(chain, 7, bid("7"), ask)), snapshot.Changed, "9 7"},
		},
		"a hole behind the snapshot": {
			{apply(delta(chain, 1, 5, bid("5"), nil)), snapshot.Broken, ""},
			{apply(whole(chain, 5, bid("5"), ask)), snapshot.Mended, "9 5"},
			{apply(delta(chain, 7, 8, bid("8"), nil)), snapshot.Broken, ""},
			{apply(delta(chain, 9, 9, bid("9"), nil)), snapshot.None, ""},
			{apply(whole(chain, 7, bid("7"), ask)), snapshot.Mended, "9 9"},
		},
		"a delta twice, and one from before": {
			{apply(delta(chain, 1, 5, bid("5"), nil)), snapshot.Broken, ""},
			{apply(whole(chain, 5, bid("5"), ask)), snapshot.Mended, "9 5"},
			{apply(delta(chain, 6, 7, bid("7"), nil)), snapshot.Changed, "9 7"},
			{apply(delta(chain, 6, 7, bid("7"), nil)), snapshot.None, "9 7"},
			{apply(delta(chain, 2, 3, bid("3"), nil)), snapshot.None, "9 7"},
			{apply(delta(chain, 8, 8, bid("8"), nil)), snapshot.Changed, "9 8"},
		},
		"a late snapshot of a good book takes nothing back": {
			{apply(delta(chain, 1, 5, bid("5"), nil)), snapshot.Broken, ""},
			{apply(whole(chain, 5, bid("5"), ask)), snapshot.Mended, "9 5"},
			{apply(delta(chain, 6, 7, bid("7"), nil)), snapshot.Changed, "9 7"},
			{apply(whole(chain, 6, bid("6"), ask)), snapshot.Silent, "9 7"},
			{apply(whole(chain, 4, bid("4"), ask)), snapshot.None, "9 7"},
			{apply(delta(chain, 8, 8, bid("8"), nil)), snapshot.Changed, "9 8"},
		},
		"nor one that what is kept does not reach": {
			{apply(delta(chain, 1, 5, bid("5"), nil)), snapshot.Broken, ""},
			{apply(whole(chain, 9, bid("9"), ask)), snapshot.Mended, "9 9"},
			{apply(whole(chain, 3, bid("3"), ask)), snapshot.None, "9 9"},
		},
		"what is missing in the log is proved by the chain": {
			{apply(delta(chain, 1, 5, bid("5"), nil)), snapshot.Broken, ""},
			{apply(whole(chain, 5, bid("5"), ask)), snapshot.Mended, "9 5"},
			{lose, snapshot.None, ""},
			{apply(delta(chain, 6, 7, bid("7"), nil)), snapshot.Mended, "9 7"},
			{lose, snapshot.None, ""},
			{apply(delta(chain, 10, 11, bid("11"), nil)), snapshot.None, ""},
			{apply(whole(chain, 9, bid("9"), ask)), snapshot.Mended, "9 11"},
		},
		"and not by a snapshot from before it": {
			{apply(delta(chain, 1, 5, bid("5"), nil)), snapshot.Broken, ""},
			{apply(whole(chain, 5, bid("5"), ask)), snapshot.Mended, "9 5"},
			{lose, snapshot.None, ""},
			{apply(whole(chain, 4, bid("4"), ask)), snapshot.None, ""},
			{apply(delta(chain, 6, 6, bid("6"), nil)), snapshot.Mended, "9 6"},
		},
		"a venue without a rule: every delta follows, and a loss lasts until a snapshot": {
			{apply(whole(nil, 0, bid("1"), ask)), snapshot.Replaced, "9 1"},
			{apply(delta(nil, 0, 0, bid("2"), nil)), snapshot.Changed, "9 2"},
			{lose, snapshot.None, ""},
			{apply(delta(nil, 0, 0, bid("3"), nil)), snapshot.None, ""},
			{apply(whole(nil, 0, bid("4"), ask)), snapshot.Mended, "9 4"},
		},
		"crossed: nothing is served until a snapshot": {
			{apply(whole(nil, 0, bid("1"), ask)), snapshot.Replaced, "9 1"},
			{apply(delta(nil, 0, 0, levels("11", "1"), nil)), snapshot.Broken, ""},
			{apply(delta(nil, 0, 0, levels("11", "0"), nil)), snapshot.None, ""},
			{apply(whole(nil, 0, levels("12", "1"), ask)), snapshot.None, ""},
			{apply(whole(nil, 0, bid("2"), ask)), snapshot.Mended, "9 2"},
		},
		"a first snapshot that is crossed": {
			{apply(whole(nil, 0, levels("12", "1"), ask)), snapshot.Broken, ""},
		},
		"numbers that are equal by value change nothing": {
			{apply(whole(nil, 0, levels("9.0", "1.50"), ask)), snapshot.Replaced, "9 1.5"},
			{apply(delta(nil, 0, 0, levels("9.00", "1.5"), nil)), snapshot.Silent, "9 1.5"},
			{apply(delta(nil, 0, 0, levels("8.5", "0"), nil)), snapshot.Silent, "9 1.5"},
		},
		"a snapshot of a good book is told as what changed": {
			{apply(whole(nil, 0, levels("9", "1", "8", "1", "7", "1"), ask)), snapshot.Replaced, "9 1"},
			{apply(whole(nil, 0, levels("9", "2", "8", "1", "7", "1"), ask)), snapshot.Changed, "9 2"},
			{apply(whole(nil, 0, levels("9", "2", "8", "1", "7", "1"), ask)), snapshot.Silent, "9 2"},
			{apply(whole(nil, 0, levels("6", "2", "5", "1", "4", "1"), levels("12", "3"))), snapshot.Replaced, "6 2"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := snapshot.NewBook(limits(), snapshot.Origin{})
			for i, s := range steps {
				if eff := s.do(b); eff != s.want {
					t.Fatalf("step %d: effect %d, want %d", i+1, eff, s.want)
				}
				if b.Good() != (s.bids != "") {
					t.Fatalf("step %d: good: %v", i+1, b.Good())
				}
				if s.bids == "" {
					continue
				}
				body, _ := b.Full(0)
				l := body.(*market.Book).Bids[0]
				if got := plain(l.Price) + " " + plain(l.Qty); got != s.bids {
					t.Fatalf("step %d: best bid %s, want %s", i+1, got, s.bids)
				}
			}
		})
	}
}

// Readers are told so many levels a side. What leaves them is told as gone, and what comes in its place whole.
func TestBookIsToldToItsDepth(t *testing.T) {
	l := limits()
	l.Depth = 3
	b := snapshot.NewBook(l, snapshot.Origin{})
	b.Apply(event(whole(nil, 0, levels("9", "1", "8", "1", "7", "1", "6", "1"), nil)), snapshot.Cause{})
	r := &reader{}
	r.read(t, b, true)
	if want := (&ladder{map[string]string{"9": "1", "8": "1", "7": "1"}, map[string]string{}}); !r.equal(want) {
		t.Fatalf("%v", r.ladder)
	}
	for _, step := range []struct {
		change []market.Level
		want   string // of the update
	}{
		{levels("9.5", "1"), "9.5:1 7:0"},
		{levels("5", "1"), ""},
		{levels("6", "2"), ""},
		{levels("9.5", "0"), "9.5:0 7:1"},
		{levels("8", "0", "7", "0"), "8:0 7:0 6:2 5:1"},
		{levels("10", "1", "9.7", "1"), "10:1 9.7:1 6:0 5:0"},
		{levels("5", "0"), ""},
		{levels("9", "0", "9.7", "0"), "9.7:0 9:0 6:2"},
	} {
		b.Apply(event(delta(nil, 0, 0, step.change, nil)), snapshot.Cause{})
		body, ok := b.Since(r.mark, b.Mark())
		if !ok {
			t.Fatal("a small change is more than can be told")
		}
		got := ""
		for i, level := range body.(*market.Book).Bids {
			if i > 0 {
				got += " "
			}
			got += plain(level.Price) + ":" + plain(level.Qty)
		}
		if got != step.want {
			t.Errorf("after %v: told %q, want %q", step.change, got, step.want)
		}
		r.read(t, b, false)
		if !r.equal(full(t, b)) {
			t.Fatalf("the reader has %v", r.ladder)
		}
	}
}

// More levels are kept than are told, but not all. Where one that was not kept would be told, the book is stale.
func TestBookIsNotServedWithHoles(t *testing.T) {
	l := limits()
	l.Depth = 4
	stale := 0
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 7))
		b := snapshot.NewBook(l, snapshot.Origin{})
		b.Apply(event(whole(nil, 0, nil, nil)), snapshot.Cause{})
		model, top := newLadder(), int64(100)
		for b.Good() && top > 50 {
			price, qty := top-r.Int64N(40), r.Int64N(3)
			if r.IntN(3) == 0 { // the price falls: what was best goes, what was behind is among the best
				price, qty = top, 0
				top--
			}
			if delete(model.bids, strconv.FormatInt(price, 10)); qty > 0 {
				model.bids[strconv.FormatInt(price, 10)] = strconv.FormatInt(qty, 10)
			}
			b.Apply(event(delta(nil, 0, 0, []market.Level{{Price: market.Int(price), Qty: market.Int(qty)}}, nil)), snapshot.Cause{})
			if have := full(t, b); b.Good() && !have.equal(model.top(4)) {
				t.Fatalf("seed %d: the book is %v, the venue's %v", seed, have, model.top(4))
			}
		}
		if !b.Good() {
			stale++
		}
	}
	if stale == 0 || stale == 100 {
		t.Errorf("%d of 100 books turned stale, which proves nothing", stale)
	}
}

// Whoever falls too far behind gets the state.
func TestBookTellsNoMoreThanItRemembers(t *testing.T) {
	l := limits()
	l.Changes = 8
	b := snapshot.NewBook(l, snapshot.Origin{})
	b.Apply(event(whole(nil, 0, levels("9", "1"), nil)), snapshot.Cause{})
	mark := b.Mark()
	for i := range 8 {
		b.Apply(event(delta(nil, 0, 0, levels("9", strconv.Itoa(i+2)), nil)), snapshot.Cause{})
		if _, ok := b.Since(mark, b.Mark()); !ok {
			t.Fatalf("%d changes are too many", i+1)
		}
	}
	b.Apply(event(delta(nil, 0, 0, levels("9", "1"), nil)), snapshot.Cause{})
	if _, ok := b.Since(mark, b.Mark()); ok {
		t.Error("nine changes were told of which eight are remembered")
	}
}

// What is kept for a snapshot is bounded: by messages and by levels.
func TestBookKeepsSoManyDeltas(t *testing.T) {
	l := limits()
	l.Pending = 10
	for _, tt := range []struct {
		name    string
		deltas  int64
		each    int // levels
		reaches int64
	}{
		{"by messages", 100, 1, 90},
		{"by levels", 100, 40, 96},
		{"one alone is too much", 100, 161, 100},
	} {
		for from := range tt.deltas {
			b := snapshot.NewBook(l, snapshot.Origin{})
			for i := int64(1); i <= tt.deltas; i++ {
				bids := []market.Level{}
				for j := range tt.each {
					bids = append(bids, market.Level{Price: market.Int(int64(j + 1)), Qty: market.Int(i)})
				}
				b.Apply(event(delta(chain, i, i, bids, nil)), snapshot.Cause{})
			}
			b.Apply(event(whole(chain, from, levels("1", "1"), nil)), snapshot.Cause{})
			if want := from >= tt.reaches; b.Good() != want {
				t.Fatalf("%s: a snapshot of %d: good: %v", tt.name, from, b.Good())
			}
		}
	}
}

// Over random histories a reader who reads now and then has what the venue has, and so has a view of the best levels,
// whenever it was made.
func TestBookAgainstTheVenue(t *testing.T) {
	changed, replaced := 0, 0
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 1))
		l := limits()
		l.Changes = 4 + r.IntN(60)
		b := snapshot.NewBook(l, snapshot.Origin{})
		v := &bookVenue{r: r, ladder: newLadder()}
		early, _ := snapshot.NewTop(b, "3", l)
		reads, tops, needs, topNeeds := &reader{}, &reader{}, true, true
		for range 300 {
			eff := snapshot.Broken
			if r.IntN(20) == 0 {
				b.Lose()
			} else {
				eff = b.Apply(event(v.next()), snapshot.Cause{})
			}
			topNeeds = needsState(early.Refresh(b, eff)) || topNeeds
			needs = needsState(eff) || needs
			if !b.Good() || r.IntN(3) > 0 {
				continue
			}
			if needs {
				replaced++
			} else {
				changed++
			}
			reads.read(t, b, needs)
			tops.read(t, early, topNeeds)
			needs, topNeeds = false, false
			late, _ := snapshot.NewTop(b, "3", l)
			switch {
			case !reads.equal(v.ladder):
				t.Fatalf("seed %d: the reader has %v, the venue %v", seed, reads.ladder, v.ladder)
			case !tops.equal(v.top(3)) || !full(t, early).equal(v.top(3)):
				t.Fatalf("seed %d: the reader of the best has %v, the venue %v", seed, tops.ladder, v.top(3))
			case !sameText(t, early, late):
				t.Fatalf("seed %d: a view made late differs", seed)
			}
		}
	}
	if changed < 1000 || replaced < 1000 {
		t.Errorf("%d reads of changes and %d of the state prove nothing", changed, replaced)
	}
}

func needsState(eff snapshot.Effect) bool { return eff >= snapshot.Replaced }

// sameText compares two books by their very digits.
func sameText(t *testing.T, a, b snapshot.State) bool {
	t.Helper()
	bodyA, _ := a.Full(0)
	bodyB, _ := b.Full(0)
	x, y := bodyA.(*market.Book), bodyB.(*market.Book)
	return slices.Equal(x.Bids, y.Bids) && slices.Equal(x.Asks, y.Asks)
}

// bookVenue sends deltas, some twice, and snapshots, some late. What it has is what it has sent.
type bookVenue struct {
	*ladder
	r    *rand.Rand
	id   int64
	late *market.Book
	last *market.Book
}

func (v *bookVenue) next() *market.Book {
	switch v.r.IntN(30) {
	case 0:
		v.late = v.snapshot()
	case 1, 2:
		if b := v.late; b != nil {
			v.late = nil
			return b
		}
	case 3:
		return v.snapshot()
	case 4:
		if v.last != nil {
			return v.last
		}
	}
	d := delta(chain, v.id+1, v.id+1+v.r.Int64N(3), nil, nil)
	v.id = d.Last
	for range 1 + v.r.IntN(5) {
		side, levels, base := v.bids, &d.Bids, int64(80)
		if v.r.IntN(2) == 0 {
			side, levels, base = v.asks, &d.Asks, 100
		}
		price, qty := base+v.r.Int64N(19), v.r.Int64N(3)
		*levels = append(*levels, market.Level{Price: v.spell(price), Qty: v.spell(qty)})
		if qty == 0 {
			delete(side, strconv.FormatInt(price, 10))
		} else {
			side[strconv.FormatInt(price, 10)] = strconv.FormatInt(qty, 10)
		}
	}
	v.last = d
	return d
}

// spell writes a number with more or fewer decimals than it needs.
func (v *bookVenue) spell(n int64) market.Decimal {
	scale := v.r.IntN(3)
	for range scale {
		n *= 10
	}
	return market.New(n, uint8(scale))
}

func (v *bookVenue) snapshot() *market.Book {
	b := whole(chain, v.id, nil, nil)
	for i, side := range []map[string]string{v.bids, v.asks} {
		levels := []*[]market.Level{&b.Bids, &b.Asks}[i]
		for _, p := range slices.Sorted(maps.Keys(side)) {
			n, _ := strconv.ParseInt(p, 10, 64)
			q, _ := strconv.ParseInt(side[p], 10, 64)
			*levels = append(*levels, market.Level{Price: v.spell(n), Qty: v.spell(q)})
		}
	}
	return b
}

// FuzzBook holds a book of a venue without a rule against a map.
func FuzzBook(f *testing.F) {
	f.Add([]byte{0, 10, 1, 1, 20, 2, 0, 10, 0, 2, 15, 1})
	f.Add([]byte{4, 0, 0, 0, 9, 1, 1, 12, 1, 0, 12, 3})
	f.Fuzz(func(t *testing.T, ops []byte) {
		b := snapshot.NewBook(limits(), snapshot.Origin{})
		model, good := newLadder(), true
		r := &reader{}
		b.Apply(event(whole(nil, 0, nil, nil)), snapshot.Cause{})
		needs := true
		for ; len(ops) >= 3; ops = ops[3:] {
			kind, price, qty := ops[0]%5, int64(ops[1]), int64(ops[2]%4)
			level := []market.Level{{Price: market.New(price*10, ops[0]%2+1), Qty: market.Int(qty)}}
			p := delta(nil, 0, 0, level, nil)
			side := model.bids
			if kind%2 == 1 {
				p.Bids, p.Asks, side = nil, level, model.asks
			}
			if kind == 4 { // a snapshot of nothing but this
				p.Snapshot, good = true, true
				*model = *newLadder()
				side = model.bids
				if p.Bids == nil {
					side = model.asks
				}
			}
			if good {
				if delete(side, plain(level[0].Price)); qty > 0 {
					side[plain(level[0].Price)] = strconv.FormatInt(qty, 10)
				}
				good = !crossed(model)
			}
			needs = needsState(b.Apply(event(p), snapshot.Cause{})) || needs
			if b.Good() != good {
				t.Fatalf("good: %v, want %v", b.Good(), good)
			}
			if !good {
				needs = true
				continue
			}
			r.read(t, b, needs)
			needs = false
			if !r.equal(model) || !full(t, b).equal(model) {
				t.Fatalf("the reader has %v, the book %v, want %v", r.ladder, full(t, b), model)
			}
		}
	})
}

func crossed(l *ladder) bool {
	for bid := range l.bids {
		for ask := range l.asks {
			if market.MustDecimal(bid).Cmp(market.MustDecimal(ask)) >= 0 {
				return true
			}
		}
	}
	return false
}
