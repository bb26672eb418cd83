package checkpoint_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/checkpoint"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue"
	"tapedeck/subscriptions"
)

var part = feed.Partition{Topic: "t"}

func kindOf(f *feed.Format) *checkpoint.Kind {
	hub := subscriptions.NewHub(subscriptions.Config{Widths: []string{"1m"}})
	return &checkpoint.Kind{Hub: hub, Format: f, Options: feed.DefaultOptions()}
}

func open(t testing.TB, k *checkpoint.Kind, at feed.Start) *checkpoint.Fold {
	t.Helper()
	f, err := k.Open(part, at)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func sealedOf(t testing.TB, f *checkpoint.Fold) feed.Checkpoint {
	t.Helper()
	s, ok := f.Save()
	if !ok {
		t.Fatal("it cannot be saved")
	}
	return s.Seal()
}

// logOf makes a log of a format's recorded messages: three times over, a second apart.
func logOf(t testing.TB, f *feed.Format) (list []feed.Record) {
	dirs, _ := filepath.Glob("../venue/*/testdata/" + f.Name)
	if len(dirs) == 0 {
		return nil
	}
	for range 3 {
		for _, m := range feedtest.Messages(t, dirs[0]) {
			list = append(append(list, m.Before...), m.Record)
		}
	}
	for i := range list {
		list[i].Offset, list[i].Time = int64(i), 1_700_000_000e6+int64(i)*1e6
	}
	return list
}

// Of every format: who begins at a checkpoint made amid its log ends with the same memory and the same rooms, byte by
// byte, as who reads it from its beginning.
func TestFoldsGoOnAsIfTheyHadReadAll(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	formats := 0
	for _, f := range venue.Formats {
		records := logOf(t, f)
		if len(records) == 0 {
			continue
		}
		formats++
		t.Run(f.Name, func(t *testing.T) {
			straight := open(t, kindOf(f), feed.Start{Epoch: "e"})
			cuts := map[int]feed.Checkpoint{}
			for i := range records {
				if i > 0 && r.IntN(1+len(records)/6) == 0 {
					cuts[i] = sealedOf(t, straight)
				}
				_ = straight.Record(&records[i])
			}
			want := sealedOf(t, straight)
			for i, c := range cuts {
				if c.Offset != int64(i) {
					t.Fatalf("the checkpoint before record %d is of %d", i, c.Offset)
				}
				later := open(t, kindOf(f), feed.Start{Epoch: "e", From: c.Offset, Checkpoint: c.Data})
				for j := range records[i:] {
					_ = later.Record(&records[i+j])
				}
				if got := sealedOf(t, later); !bytes.Equal(got.Data, want.Data) {
					t.Errorf("from record %d of %d on it came to something else", i, len(records))
				}
			}
		})
	}
	if formats < 20 {
		t.Errorf("%d formats have recorded messages", formats)
	}
}

// tradesOf makes records of trades.
func tradesOf(n int) (list []feed.Record) {
	for i := range n {
		list = append(list, feed.Record{Offset: int64(i), Time: 1_700_000_000e6 + int64(i)*100e3, Value: fmt.Appendf(nil,
			`{"e":"trade","E":%d,"s":"S%dUSDT","t":%d,"p":"1.5","q":"1","T":%[1]d,"m":false}`, 1_700_000_000_000+i*100, i%10, i)})
	}
	return list
}

func binance(t testing.TB) *feed.Format {
	f, ok := venue.Lookup("binance")
	if !ok {
		t.Fatal("there is no binance")
	}
	return f
}

// While a log is written it is saved again and again: what comes of it is of one moment, whichever.
func TestSavedWhileItIsWritten(t *testing.T) {
	records := tradesOf(20_000)
	f := open(t, kindOf(binance(t)), feed.Start{Epoch: "e"})
	over := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		defer close(over)
		for i := range records {
			if err := f.Record(&records[i]); err != nil {
				t.Error(err)
			}
		}
	})
	var saved []feed.Checkpoint
	for more := true; more; {
		select {
		case <-over:
			more = false
		default:
			saved = append(saved, sealedOf(t, f))
		}
	}
	writer.Wait()
	want := sealedOf(t, f)
	for _, c := range saved[max(len(saved)-5, 0):] {
		k := kindOf(binance(t))
		later := open(t, k, feed.Start{Epoch: "e", From: c.Offset, Checkpoint: c.Data})
		for i := range records[c.Offset:] {
			_ = later.Record(&records[int(c.Offset)+i])
		}
		if got := sealedOf(t, later); !bytes.Equal(got.Data, want.Data) {
			t.Errorf("from %d on it came to something else", c.Offset)
		}
	}
	t.Logf("saved %d times", len(saved))
}

// kept are checkpoints in memory.
type kept []feed.Checkpoint

func (k kept) find(_ context.Context, _ feed.LogID, offset int64) (c feed.Checkpoint, ok bool, err error) {
	for _, one := range k {
		if one.Offset <= offset && (!ok || one.Offset > c.Offset) {
			c, ok = one, true
		}
	}
	return c, ok, nil
}

// One that does not fit is left out, with the reason, and the next older one is taken; where none fits, none.
func TestResumeTakesTheNewestThatFits(t *testing.T) {
	f := binance(t)
	records := tradesOf(1000)
	fold := open(t, kindOf(f), feed.Start{Epoch: "e"})
	var all kept
	for i := range records {
		if i > 0 && i%100 == 0 {
			all = append(all, sealedOf(t, fold))
		}
		_ = fold.Record(&records[i])
	}
	damaged := all[8] // of 900
	damaged.Data = append(bytes.Clone(damaged.Data[:len(damaged.Data)-1]), damaged.Data[len(damaged.Data)-1]+1)
	all[8] = damaged
	at := feed.Start{Epoch: "e", From: 950, First: 0}
	resume := func(k *checkpoint.Kind, at feed.Start) (int64, []error) {
		var refused []error
		got, err := k.Resume(t.Context(), all.find, at, 999, func(_ int64, why error) { refused = append(refused, why) })
		if err != nil {
			t.Fatal(err)
		}
		if got.Checkpoint == nil && got.From != at.From {
			t.Errorf("reading begins at %d without a checkpoint, instead of at %d", got.From, at.From)
		}
		return got.From, refused
	}
	k := kindOf(f)
	if from, refused := resume(k, at); from != 800 || len(refused) != 1 || !errors.Is(refused[0], checkpoint.ErrDamaged) {
		t.Errorf("from %d after %v; the newest is damaged, so from 800", from, refused)
	}
	other := kindOf(f)
	other.Options.Trades = "aggTrade"
	if from, refused := resume(other, at); from != 950 || len(refused) == 0 {
		t.Errorf("from %d after %v, though its trades are others", from, refused)
	}
	gone := at
	gone.First = 850
	if from, _ := resume(k, gone); from != 950 {
		t.Errorf("from %d, though the log begins at 850", from)
	}
	part := kindOf(f)
	part.Part = "symbol:BTC-*"
	if from, _ := resume(part, at); from != 800 {
		t.Errorf("from %d: who serves a part goes on from the whole", from)
	}
	all = kept{{Epoch: "e", Offset: 10, Data: all[0].Data}}
	if from, refused := resume(k, at); from != 950 || len(refused) != 1 {
		t.Errorf("from %d after %v: the store says another offset than the checkpoint", from, refused)
	}
}

// Whatever is in a checkpoint that is whole by its checksums: it is loaded, or refused and nothing is left of it; and it takes
// no more memory than a multiple of what it is.
func FuzzLoad(f *testing.F) {
	logs := map[string][]feed.Record{}
	for _, format := range venue.Formats {
		records := logOf(f, format)
		if len(records) == 0 {
			continue
		}
		logs[format.Name] = records
		fold := open(f, kindOf(format), feed.Start{Epoch: "e"})
		for i := range records[:len(records)/3] {
			_ = fold.Record(&records[i])
		}
		body, err := checkpoint.Body(sealedOf(f, fold).Data)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(format.Name, body)
	}
	f.Fuzz(func(t *testing.T, name string, body []byte) {
		format, ok := venue.Lookup(name)
		records := logs[name]
		if !ok || len(records) == 0 || len(body) > 1<<20 {
			return
		}
		h := header
		h.Epoch, h.Offset = "e", int64(len(records)/3)
		at := feed.Start{Epoch: "e", From: h.Offset, Checkpoint: checkpoint.Seal(h, [][]byte{body})}
		k := kindOf(format)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		fold, err := k.Open(part, at)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > most+factor*uint64(len(body)) {
			t.Fatalf("%d bytes took %d", len(body), took)
		}
		if err != nil {
			k.Hub.Rooms(func(i subscriptions.Info) {
				t.Fatalf("%s is left of what was refused: %v", i.Room, err)
			})
			return
		}
		for i := range records[h.Offset:] { // what was taken can be gone on from
			_ = fold.Record(&records[int(h.Offset)+i])
		}
		c := sealedOf(t, fold)
		if _, err := kindOf(format).Open(part, feed.Start{Epoch: "e", From: c.Offset, Checkpoint: c.Data}); err != nil {
			t.Fatalf("what was loaded and saved cannot be loaded again: %v", err)
		}
	})
}

// What loading may take: the decoder that unpacks and the hub, and so much for each byte: a few bytes may be a symbol.
const (
	most   = 64 << 20
	factor = 512
)
