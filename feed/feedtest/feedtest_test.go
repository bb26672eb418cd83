package feedtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"tapedeck/feed"
	"tapedeck/feed/venue/tick"
	"tapedeck/market"
)

// recorder takes down what a check reports.
type recorder struct{ faults []string }

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}
func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	panic(r)
}

// run runs a check over one message, and returns what it reports.
func run(c func(reporter), r *recorder) []string {
	func() {
		defer func() {
			if v := recover(); v != nil && v != any(r) {
				panic(v)
			}
		}()
		c(r)
	}()
	return r.faults
}

// faulty is a decoder with something planted behind it.
type faulty struct {
	feed.Decoder
	after func(b *market.Batch, r *feed.Record, err error) error
	n     int
}

func (d *faulty) Decode(b *market.Batch, r *feed.Record) error {
	return d.after(b, r, d.Decoder.Decode(b, r))
}

var sink []byte

// planted are faults that a decoder may have, and a check that must find each.
var planted = map[string]struct {
	check string
	after func(d *faulty, b *market.Batch, r *feed.Record, err error) error
}{
	"a symbol in the record's memory": {"keeps no reference to the record", func(_ *faulty, b *market.Batch, r *feed.Record, err error) error {
		s := *b.Events[1].Symbol
		at := strings.Index(string(r.Value), s.Name)
		s.Name = unsafe.String(&r.Value[at], len(s.Name))
		b.Events[1].Symbol = &s
		return err
	}},
	"garbage": {"allocates nothing", func(_ *faulty, _ *market.Batch, _ *feed.Record, err error) error {
		sink = make([]byte, 100)
		return err
	}},
	"a new symbol each time": {"hands out the same symbols", func(_ *faulty, b *market.Batch, _ *feed.Record, err error) error {
		s := *b.Events[len(b.Events)-1].Symbol
		b.Events[len(b.Events)-1].Symbol = &s
		return err
	}},
	"a memory": {"does not depend on records before", func(d *faulty, b *market.Batch, _ *feed.Record, err error) error {
		if d.n++; d.n > 3 && err == nil {
			b.Undo(1)
			return feed.Ignored
		}
		return err
	}},
	"wants its fields in order": {"reads JSON however it is written", func(_ *faulty, b *market.Batch, r *feed.Record, err error) error {
		if !strings.HasPrefix(string(r.Value), `{"t":`) && err == nil {
			b.Undo(1)
			return feed.UnknownKind
		}
		return err
	}},
	"believes half of a record": {"refuses what is cut short", func(_ *faulty, b *market.Batch, _ *feed.Record, err error) error {
		if errors.Is(err, feed.BadJSON) {
			t := b.Trade(&market.Symbol{Venue: "V", Name: "S", Native: "S"}, 0)
			t.Price, t.Qty = market.Int(1), market.Int(1)
			return nil
		}
		return err
	}},
	"takes nothing back": {"survives flipped bits", func(_ *faulty, b *market.Batch, _ *feed.Record, err error) error {
		if err != nil {
			b.Trade(&market.Symbol{}, 0)
		}
		return err
	}},
	"takes back too much": {"survives flipped bits", func(_ *faulty, b *market.Batch, _ *feed.Record, err error) error {
		if err != nil {
			b.Reset()
		}
		return err
	}},
	"an error of its own": {"survives fields that are missing or of another type", func(_ *faulty, _ *market.Batch, _ *feed.Record, err error) error {
		if err != nil {
			return errors.New("what happened?")
		}
		return err
	}},
	"a reason of its own": {"survives fields that are missing or of another type", func(_ *faulty, _ *market.Batch, _ *feed.Record, err error) error {
		if err != nil {
			return feed.Reason("because")
		}
		return err
	}},
	"silence": {"survives fields that are missing or of another type", func(_ *faulty, _ *market.Batch, _ *feed.Record, err error) error {
		return nil
	}},
	"a negative quantity": {"survives flipped bits", func(_ *faulty, b *market.Batch, _ *feed.Record, err error) error {
		if err == nil {
			b.Events[1].Payload.(*market.Trade).Qty = market.Int(-1)
		}
		return err
	}},
	"no price": {"survives flipped bits", func(_ *faulty, b *market.Batch, _ *feed.Record, err error) error {
		if err == nil {
			b.Events[1].Payload.(*market.Trade).Price = market.Decimal{}
		}
		return err
	}},
	"a time of its own": {"survives flipped bits", func(_ *faulty, b *market.Batch, _ *feed.Record, err error) error {
		if err == nil {
			b.Events[1].Time = 1234567890123456
		}
		return err
	}},
	"an event without a symbol": {"survives flipped bits", func(_ *faulty, b *market.Batch, _ *feed.Record, err error) error {
		if err == nil {
			b.Events[1].Symbol = nil
		}
		return err
	}},
	"a symbol that no room can be named by": {"survives flipped bits", func(_ *faulty, b *market.Batch, _ *feed.Record, err error) error {
		if err == nil {
			b.Events[1].Symbol = &market.Symbol{Venue: "A:B", Name: "S", Native: "S"}
		}
		return err
	}},
}

func TestChecksHaveTeeth(t *testing.T) {
	m := &Message{Name: "planted", Options: feed.DefaultOptions(), Record: feed.Record{
		Value: []byte(`{"t":"trade","venue":"KRAKEN","symbol":"BTC-USD","ts":1700000000123456,"px":"37000.10","qty":"0.5"}`),
	}}
	for name, fault := range planted {
		f := *tick.Format
		f.New = func(o feed.Options) feed.Decoder {
			d := &faulty{Decoder: tick.Format.New(o)}
			d.after = func(b *market.Batch, r *feed.Record, err error) error { return fault.after(d, b, r, err) }
			return d
		}
		i := slices.IndexFunc(checks, func(c check) bool { return c.name == fault.check })
		if faults := run(func(r reporter) { checks[i].run(r, &f, m) }, &recorder{}); len(faults) == 0 {
			t.Errorf("%s: %q found nothing", name, fault.check)
		}
	}
	for _, c := range checks {
		if faults := run(func(r reporter) { c.run(r, tick.Format, m) }, &recorder{}); len(faults) != 0 {
			t.Errorf("%q finds in a good decoder: %s", c.name, faults[0])
		}
	}
}

// lastWins reads a record as encoding/json does: of a field that is there twice the last counts.
type lastWins struct{ feed.Decoder }

func (d lastWins) Decode(b *market.Batch, r *feed.Record) error {
	var v any
	if json.Unmarshal(r.Value, &v) != nil {
		return feed.BadJSON
	}
	value, _ := json.Marshal(v)
	return d.Decoder.Decode(b, with(r, value))
}

func TestDoubledFieldsAreFound(t *testing.T) {
	f := *tick.Format
	f.New = func(o feed.Options) feed.Decoder { return lastWins{tick.Format.New(o)} }
	m := &Message{Options: feed.DefaultOptions(), Record: feed.Record{Value: []byte(`{"t":"trade","venue":"V","symbol":"S","px":"1","qty":"1"}`)}}
	if faults := run(func(r reporter) { refusesDoubles(r, &f, m) }, &recorder{}); len(faults) == 0 {
		t.Error("nothing was found")
	}
}

func TestNothingsAreFound(t *testing.T) {
	f := *tick.Format
	f.New = func(o feed.Options) feed.Decoder {
		return &faulty{Decoder: tick.Format.New(o), after: func(_ *market.Batch, _ *feed.Record, err error) error {
			if errors.Is(err, feed.Tombstone) {
				return feed.Ignored
			}
			return err
		}}
	}
	if faults := run(func(r reporter) { refusesNothings(r, &f, false) }, &recorder{}); len(faults) != 1 {
		t.Errorf("found %q, want the tombstone", faults)
	}
}

func TestMessagesFile(t *testing.T) {
	dir := t.TempDir()
	text := "# a comment\n\n@key K\n@header symbol ABC DEF\n@trades aggTrade\n{\"a\":1}\n@always {\"c\":3}\n@before {\"d\":4}\n{\"b\":2}\n"
	if err := os.WriteFile(filepath.Join(dir, "x.txt"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	all := Messages(t, dir)
	if len(all) != 2 || string(all[0].Key) != "K" || string(all[0].Headers[0].Value) != "ABC DEF" || all[0].Options.Trades != "aggTrade" ||
		all[1].Key != nil || all[1].Options.Trades != "trade" || all[1].Name != "x:2" || string(all[1].Value) != `{"b":2}` ||
		len(all[0].Before) != 0 || len(all[1].Before) != 2 || string(all[1].Before[0].Value) != `{"c":3}` || string(all[1].Before[1].Value) != `{"d":4}` {
		t.Errorf("read %+v", all)
	}
}
