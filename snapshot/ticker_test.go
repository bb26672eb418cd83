package snapshot_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"tapedeck/market"
	"tapedeck/snapshot"
)

func tickerOf(fields ...any) *market.Ticker {
	t := &market.Ticker{}
	for i := 0; i < len(fields); i += 2 {
		v := market.Decimal{}
		if s := fields[i+1].(string); s != "" {
			v = market.MustDecimal(s)
		}
		t.Put(fields[i].(market.Field), v)
	}
	return t
}

// fieldsOf writes a ticker as text, what is gone as "-".
func fieldsOf(body market.Body) string {
	out := ""
	t := body.(*market.Ticker)
	for f := range market.Field(market.NumFields) {
		if t.Present.Has(f) {
			v := t.Values[f].String()
			if v == "" {
				v = "-"
			}
			out += fmt.Sprintf("%s:%s ", f, v)
		}
	}
	return out
}

func TestTickerTellsWhatChanged(t *testing.T) {
	s := snapshot.NewTicker(limits(), snapshot.Origin{Whole: true})
	mark := s.Mark()
	for i, step := range []struct {
		p    *market.Ticker
		want snapshot.Effect
		told string // since the last step
		all  string
	}{
		{tickerOf(market.Last, "1", market.Mark, "2"), snapshot.Changed, "last:1 mark:2 ", "last:1 mark:2 "},
		{tickerOf(market.Last, "1"), snapshot.None, "", "last:1 mark:2 "},
		{tickerOf(market.Last, "3"), snapshot.Changed, "last:3 ", "last:3 mark:2 "},
		{tickerOf(market.Mark, ""), snapshot.Changed, "mark:- ", "last:3 "},
		{tickerOf(market.Funding, ""), snapshot.Changed, "funding:- ", "last:3 "}, // a reader may know one from another node
		{tickerOf(market.Funding, ""), snapshot.None, "", "last:3 "},
	} {
		if eff := s.Apply(event(step.p), snapshot.Cause{}); eff != step.want {
			t.Fatalf("step %d: effect %d", i+1, eff)
		}
		body, ok := s.Since(mark, s.Mark())
		if !ok || fieldsOf(body) != step.told {
			t.Fatalf("step %d: told %q, want %q", i+1, fieldsOf(body), step.told)
		}
		if body, part := s.Full(0); fieldsOf(body) != step.all || part {
			t.Fatalf("step %d: %q, a part: %v; want %q", i+1, fieldsOf(body), part, step.all)
		}
		mark = s.Mark()
	}
	s.Lose()
	if s.Good() {
		t.Error("a ticker is served of which changes may be lost")
	}
	if eff := s.Apply(event(tickerOf(market.Mark, "5")), snapshot.Cause{}); eff != snapshot.Mended {
		t.Errorf("after a loss: effect %d", eff)
	}
	if body, part := s.Full(0); fieldsOf(body) != "mark:5 " || !part {
		t.Errorf("after a loss %q is known, a part: %v", fieldsOf(body), part)
	}
}

// A ticker counts as whole some time after reading began, by the log's clock.
func TestTickerIsWholeAfterSomeTime(t *testing.T) {
	s := snapshot.NewTicker(limits(), snapshot.Origin{})
	for _, tt := range []struct {
		began, over int64 // minutes
		whole       bool
	}{{0, 0, false}, {0, 100, false}, {100, 109, false}, {100, 110, true}, {0, 0, true}} {
		s.Apply(event(tickerOf(market.Last, "1")), snapshot.Cause{Began: tt.began * 60e6, Over: tt.over * 60e6})
		_, part := s.Full(0)
		_, resumes := s.(snapshot.Partial).Resume(0, 5)
		if part == tt.whole || resumes != tt.whole {
			t.Errorf("begun at %d, at %d: a part %v, can be resumed on %v", tt.began, tt.over, part, resumes)
		}
	}
}

// The fold of any range is what turns the ticker before it into the one after it.
func TestTickerFoldsAnyRange(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 2))
		s := snapshot.NewTicker(limits(), snapshot.Origin{Whole: true})
		var held market.Ticker
		mark := s.Mark()
		for range 100 {
			p := &market.Ticker{}
			for range 1 + r.IntN(3) {
				v := market.Int(r.Int64N(3))
				if r.IntN(4) == 0 {
					v = market.Decimal{}
				}
				p.Put(market.Field(r.IntN(market.NumFields)), v)
			}
			s.Apply(event(p), snapshot.Cause{})
			if r.IntN(3) > 0 {
				continue
			}
			body, _ := s.Since(mark, s.Mark())
			change := body.(*market.Ticker)
			for f := range market.Field(market.NumFields) {
				if change.Present.Has(f) {
					held.Values[f] = change.Values[f]
				}
			}
			mark = s.Mark()
			body, _ = s.Full(0)
			for f := range market.Field(market.NumFields) {
				if all := body.(*market.Ticker); all.Present.Has(f) != held.Values[f].Set() || all.Present.Has(f) && all.Values[f] != held.Values[f] {
					t.Fatalf("seed %d: %s is %v, want %v", seed, f, held.Values[f], all.Values[f])
				}
			}
		}
	}
}
