package feedtest

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/venue/tick"
	"tapedeck/market"
)

// numbered is a session of one book whose every change is of a price of its own.
func numbered(n int) (all []feed.Record) {
	all = append(all, tickBook(&market.Book{Last: 1})...)
	for i := range n {
		value := fmt.Sprintf(`{"t":"book","venue":"V","symbol":"S","seq":%d,"bids":[["%d","%d"]]}`, i+2, 1+i%50, i+1)
		all = append(all, feed.Record{Value: []byte(value)})
	}
	return all
}

func tickBook(k *market.Book) []feed.Record {
	bids := ""
	for i, l := range k.Bids {
		if i > 0 {
			bids += ","
		}
		bids += fmt.Sprintf(`["%s","%s"]`, l.Price, l.Qty)
	}
	return []feed.Record{{Value: fmt.Appendf(nil, `{"t":"book","venue":"V","symbol":"S","snapshot":true,"seq":%d,"bids":[%s],"asks":[]}`, k.Last, bids)}}
}

// play plays a session whose decoder has something planted behind it, until something is found.
func playPlanted(after func(*market.Book)) error {
	f := *tick.Format
	f.New = func(o feed.Options) feed.Decoder {
		return &faulty{Decoder: tick.Format.New(o), after: func(b *market.Batch, _ *feed.Record, err error) error {
			for i := range b.Events {
				after(b.Events[i].Payload.(*market.Book))
			}
			return err
		}}
	}
	rec := &Recording{
		Format: &f, Options: feed.DefaultOptions(), Records: numbered(300),
		Snapshot: func(_ *market.Symbol, k *market.Book) []feed.Record { return tickBook(k) },
	}
	for round := range uint64(20) {
		if err := newDisturbed(rec, rand.New(rand.NewPCG(1, round))).run(); err != nil {
			return err
		}
	}
	return nil
}

func TestFaultsAreFound(t *testing.T) {
	blind := *tickChain(t)
	blind.Follows = func(*market.Book, int64) bool { return true }
	deaf := *tickChain(t)
	deaf.Starts = func(*market.Book, int64) bool { return false }
	for name, after := range map[string]func(*market.Book){
		"a rule that sees nothing":         func(k *market.Book) { k.Chain = &blind },
		"no rule":                          func(k *market.Book) { k.Chain = nil },
		"a rule that lets nothing follow":  func(k *market.Book) { k.Chain = &deaf },
		"numbers that are not the venue's": func(k *market.Book) { k.Last *= 2 },
	} {
		if err := playPlanted(after); err == nil {
			t.Errorf("%s: nothing was found", name)
		}
	}
	if err := playPlanted(func(*market.Book) {}); err != nil {
		t.Errorf("found in a good decoder: %v", err)
	}
}

func tickChain(t *testing.T) *market.Chain {
	t.Helper()
	var b market.Batch
	if err := tick.Format.New(feed.DefaultOptions()).Decode(&b, &numbered(0)[0]); err != nil {
		t.Fatal(err)
	}
	return b.Events[0].Payload.(*market.Book).Chain
}
