package market

import (
	"strings"
	"testing"
)

// fill adds one event of every kind, as a decoder does.
func fill(b *Batch, s *Symbol) {
	b.Trade(s, 1).Price = Int(1)
	b.Quote(s, 2).BidPrice = Int(2)
	k := b.Book(s, 3)
	for i := range int64(20) {
		k.Bids = append(k.Bids, Level{Int(i), Int(1)})
		k.Asks = append(k.Asks, Level{Int(100 + i), Int(1)})
	}
	b.Ticker(s, 4).Put(Mark, Int(4))
	b.Candle(s, 5).Trades = 5
	b.Status(s, 6).State = Halted
}

func TestBatch(t *testing.T) {
	var b Batch
	s := &Symbol{Venue: "X", Name: "A-B"}
	for range 3 {
		b.Reset()
		for range 3 {
			fill(&b, s)
		}
		if len(b.Events) != 18 {
			t.Fatalf("%d events", len(b.Events))
		}
		seen := map[Payload]bool{}
		for i, e := range b.Events {
			if e.Symbol != s || e.Time != int64(i%6+1) || seen[e.Payload] {
				t.Fatalf("event %d: %+v", i, e)
			}
			seen[e.Payload] = true
		}
	}
}

func TestBatchPayloadsComeEmpty(t *testing.T) {
	var b Batch
	s := &Symbol{}
	fill(&b, s)
	b.Reset()
	if k := b.Book(s, 1); len(k.Bids)+len(k.Asks) != 0 || k.Last != 0 || k.Snapshot {
		t.Errorf("%+v", k)
	}
	if got := *b.Trade(s, 7); got != (Trade{Time: 7}) {
		t.Errorf("%+v", got)
	}
	if got := *b.Quote(s, 1); got != (Quote{}) {
		t.Errorf("%+v", got)
	}
	if got := *b.Ticker(s, 1); got != (Ticker{}) {
		t.Errorf("%+v", got)
	}
	if got := *b.Candle(s, 1); got != (Candle{}) {
		t.Errorf("%+v", got)
	}
	if got := *b.Status(s, 1); got != (Status{}) {
		t.Errorf("%+v", got)
	}
}

func TestBatchUndo(t *testing.T) {
	var b Batch
	s := &Symbol{}
	kept := b.Trade(s, 1)
	n := len(b.Events)
	b.Trade(s, 2)
	b.Undo(n)
	if next := b.Trade(s, 3); len(b.Events) != 2 || b.Events[0].Payload != Payload(kept) || b.Events[1].Payload != Payload(next) {
		t.Errorf("%+v", b.Events)
	}
}

func TestBatchAllocatesNothing(t *testing.T) {
	var b Batch
	s := &Symbol{}
	if n := testing.AllocsPerRun(100, func() { b.Reset(); fill(&b, s) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestID(t *testing.T) {
	id, ok := MakeID("4123456789")
	if id.String() != "4123456789" || string(id.Bytes()) != "4123456789" || !ok {
		t.Error(id, ok)
	}
	if long, ok := MakeID([]byte(strings.Repeat("x", MaxID))); len(long.String()) != MaxID || !ok {
		t.Error(long, ok)
	}
	if _, ok := MakeID(strings.Repeat("x", MaxID+1)); ok {
		t.Error("it took an id that is too long")
	}
}
