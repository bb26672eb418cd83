package feedtest

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/market"
)

// Decoder is what every format must pass, with the messages in dir.
func Decoder(t *testing.T, f *feed.Format, dir string) {
	t.Run("golden", func(t *testing.T) { goldens(t, f, dir) })
	messages := Messages(t, dir)
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			for i := range messages {
				if !c.json || !messages[i].Binary {
					c.run(t, f, &messages[i])
				}
			}
		})
	}
	t.Run("refuses what is no record", func(t *testing.T) { refusesNothings(t, f, messages[0].Binary) })
}

// reporter is what a check needs of a *testing.T.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// check looks at what a decoder makes of one message and of what becomes of it.
type check struct {
	name string
	run  func(reporter, *feed.Format, *Message)
	json bool // it is of messages in JSON
}

var checks = []check{
	{name: "keeps no reference to the record", run: keepsNothing},
	{name: "allocates nothing", run: allocatesNothing},
	{name: "hands out the same symbols", run: sameSymbols},
	{name: "does not depend on records before", run: standsAlone},
	{name: "reads JSON however it is written", run: readsAnyStyle, json: true},
	{name: "refuses what is cut short", run: refusesCut},
	{name: "survives flipped bits", run: survivesFlips},
	{name: "survives fields that are missing or of another type", run: survivesChanges, json: true},
	{name: "believes no field that is there twice", run: refusesDoubles, json: true},
}

// goldens compares what the messages of each file become with its .golden file.
func goldens(t *testing.T, f *feed.Format, dir string) {
	for _, name := range filesOf(t, dir) {
		var got strings.Builder
		for _, m := range read(t, name) {
			text, err, faults := newSubject(f, &m).decode(&m.Record)
			for _, fault := range faults {
				t.Errorf("%s: %s", m.Name, fault)
			}
			if err != nil {
				text = "refused: " + text + "\n"
			}
			got.WriteString("# " + m.Name + "\n" + text)
		}
		path := strings.TrimSuffix(name, filepath.Ext(name)) + ".golden"
		if *update {
			if err := os.WriteFile(path, []byte(got.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Errorf("%v: go test -update makes it, for review", err)
		} else if string(want) != got.String() {
			t.Errorf("%s: the messages become\n%swant\n%s", path, got.String(), want)
		}
	}
}

func keepsNothing(t reporter, f *feed.Format, m *Message) {
	s := newSubject(f, m)
	r := clone(&m.Record)
	text, err, _ := s.decode(r)
	scribble(r)
	if err == nil {
		if after := Text(s.batch.Events[1:]); after != text {
			t.Errorf("%s: once the record's memory is reused, the events say\n%sand not\n%s", m.Name, after, text)
		}
	} else if err.Error() != text {
		t.Errorf("%s: once the record's memory is reused, the refusal says %q and not %q", m.Name, err, text)
	}
	if f.Scope != feed.ScopeRecord {
		return // the same record again may be another thing
	}
	if again, _, _ := s.decode(&m.Record); again != text {
		t.Errorf("%s: once the record's memory was reused, it becomes\n%sand not\n%s", m.Name, again, text)
	}
}

func allocatesNothing(t reporter, f *feed.Format, m *Message) {
	s := newSubject(f, m)
	b, d := &s.batch, s.decoder
	decode := func() {
		b.Reset()
		d.Decode(b, &m.Record)
	}
	if err := d.Decode(b, &m.Record); err != nil && isBad(err) {
		return // what is refused is said in words
	}
	for range 4 { // memory goes back and forth between decoder and batch
		decode()
	}
	if n := testing.AllocsPerRun(10, decode); n != 0 {
		t.Errorf("%s: %v allocations a record", m.Name, n)
	}
}

func sameSymbols(t reporter, f *feed.Format, m *Message) {
	s := newSubject(f, m)
	symbols := func() (all []*market.Symbol) {
		s.decode(clone(&m.Record))
		for _, ev := range s.batch.Events {
			all = append(all, ev.Symbol)
		}
		return all
	}
	first := symbols()
	for i, sym := range symbols() {
		if i < len(first) && sym != first[i] {
			t.Errorf("%s: %+v was handed out twice", m.Name, *sym)
		}
	}
}

// standsAlone holds for decoders of scope record: a replay may begin at any record.
func standsAlone(t reporter, f *feed.Format, m *Message) {
	if f.Scope != feed.ScopeRecord {
		return
	}
	text, _, _ := newSubject(f, m).decode(&m.Record)
	s := newSubject(f, m)
	for _, bad := range []string{string(m.Value), `{"`, `[{}]`, string(m.Value[:len(m.Value)/2]), `{"e":1,"t":2}`} {
		s.decode(with(&m.Record, []byte(bad)))
	}
	if after, _, _ := s.decode(&m.Record); after != text {
		t.Errorf("%s: after other records it becomes\n%sand not\n%s", m.Name, after, text)
	}
}

// survive decodes a changed record and reports the decoder's faults.
func (s *subject) survive(t reporter, m *Message, value []byte) (text string, err error) {
	t.Helper()
	r := with(&m.Record, value)
	text, err, faults := s.decode(r)
	for _, fault := range faults {
		t.Errorf("%s: changed to %s: %s", m.Name, value, fault)
	}
	if !m.Binary && (err == nil || !isBad(err)) && !json.Valid(value) {
		t.Errorf("%s: changed to %s, which is no JSON, it becomes %s", m.Name, value, text)
	}
	return text, err
}

func isBad(err error) bool {
	var why feed.Reason
	return errors.As(err, &why) && why.Bad()
}

func readsAnyStyle(t reporter, f *feed.Format, m *Message) {
	want, _, _ := newSubject(f, m).decode(&m.Record)
	tree := parse(t, m.Value)
	rng := rand.New(rand.NewPCG(1, 2))
	for name, st := range map[string]*style{
		"with space": {space: true}, "with escapes": {escape: true}, "in another order": {shuffle: rng},
		"with all of these": {space: true, escape: true, shuffle: rng},
	} {
		for range 10 {
			value := st.render(nil, tree)
			if text, _ := newSubject(f, m).survive(t, m, value); text != want {
				t.Fatalf("%s: written %s, as %s, it becomes\n%sand not\n%s", m.Name, name, value, text, want)
			}
		}
	}
	escaped := *m
	escaped.Name += " with escapes"
	escaped.Value = (&style{escape: true}).render(nil, tree)
	allocatesNothing(t, f, &escaped)
}

func refusesCut(t reporter, f *feed.Format, m *Message) {
	s := newSubject(f, m)
	for n := 1; n < len(m.Value); n++ {
		if text, err := s.survive(t, m, m.Value[:n]); !isBad(err) && !m.CSV {
			t.Errorf("%s: of its first %d bytes %q becomes %s", m.Name, n, m.Value[:n], text)
		}
	}
	for _, more := range []string{"x", "{}", ",", "]", "\x00"} {
		s.survive(t, m, append(bytes.Clone(m.Value), more...))
	}
}

// survivesFlips flips every bit; of a long message one of each byte, in turn, as no check takes longer.
func survivesFlips(t reporter, f *feed.Format, m *Message) {
	const long = 400
	s := newSubject(f, m)
	for i := range m.Value {
		for bit := range 8 {
			if len(m.Value) > long && bit != i%8 {
				continue
			}
			value := bytes.Clone(m.Value)
			value[i] ^= 1 << bit
			s.survive(t, m, value)
		}
	}
}

func survivesChanges(t reporter, f *feed.Format, m *Message) {
	s := newSubject(f, m)
	changes(parse(t, m.Value), func(changed *node) { s.survive(t, m, (&style{}).render(nil, changed)) })
}

func refusesDoubles(t reporter, f *feed.Format, m *Message) {
	want, _, _ := newSubject(f, m).decode(&m.Record)
	s := newSubject(f, m)
	doubles(parse(t, m.Value), func(changed *node) {
		value := (&style{}).render(nil, changed)
		if f.Scope != feed.ScopeRecord {
			s = newSubject(f, m)
		}
		if text, err := s.survive(t, m, value); !isBad(err) && text != want {
			t.Errorf("%s: with a field twice, as %s, it becomes\n%s", m.Name, value, text)
		}
	})
}

// refusesNothings passes what is no message at all, some of it as long as a record may be: 1 MiB for most formats,
// and no more than 16 for any. Where messages are no text, what is no JSON may be refused for any reason.
func refusesNothings(t reporter, f *feed.Format, binary bool) {
	const mega = 1 << 20
	for _, test := range []struct {
		value []byte
		want  feed.Reason // "": any that counts as refused
	}{
		{nil, feed.Tombstone},
		{[]byte{}, feed.Empty},
		{[]byte(" "), feed.BadJSON},
		{[]byte("null"), ""}, {[]byte("1"), ""}, {[]byte(`"x"`), ""}, {[]byte("{}"), ""}, {[]byte("[[]]"), ""}, {[]byte("[null]"), ""},
		{[]byte("NaN"), feed.BadJSON},
		{[]byte("\xff\xfe\x00\x01"), feed.BadJSON},
		{bytes.Repeat([]byte{0}, mega), feed.BadJSON},
		{bytes.Repeat([]byte("["), mega), ""},
		{bytes.Repeat([]byte(`{"a":`), mega/5), ""},
		{bytes.Repeat([]byte(" "), 16*mega+1), feed.TooLarge},
		{append(append([]byte(`{"e":"`), bytes.Repeat([]byte("x"), mega-8)...), `"}`...), ""},
	} {
		s := newSubject(f, &Message{Options: feed.DefaultOptions()})
		_, err, faults := s.decode(&feed.Record{Key: []byte("K"), Value: test.value})
		for _, fault := range faults {
			t.Errorf("%.20q…: %s", test.value, fault)
		}
		if binary && test.want == feed.BadJSON {
			test.want = ""
		}
		if !isBad(err) || test.want != "" && !errors.Is(err, test.want) {
			t.Errorf("%.20q…, %d bytes: %v, want %q", test.value, len(test.value), err, test.want)
		}
	}
}

// Fuzz looks for records that a decoder does not survive, beginning with the messages in dir.
func Fuzz(f *testing.F, format *feed.Format, dir string) {
	messages := Messages(f, dir)
	binary := messages[0].Binary
	for _, m := range messages {
		var before []byte
		for _, r := range m.Before {
			before = append(appendLine(before, r.Value, binary), '\n')
		}
		f.Add([]byte(m.Value), []byte(m.Key), m.Options.Trades, before)
	}
	corpus(f)
	f.Fuzz(func(t *testing.T, value, key []byte, trades string, before []byte) {
		o := feed.DefaultOptions()
		o.Trades = trades
		m := &Message{Record: feed.Record{Key: key, Value: value}, Name: "fuzz", Options: o, Binary: binary}
		for line := range bytes.Lines(before) {
			m.Before = append(m.Before, feed.Record{Key: key, Value: fromLine(bytes.TrimSuffix(line, []byte("\n")), binary)})
		}
		text, err := newSubject(format, m).survive(t, m, value)
		keepsNothing(t, format, m)
		if again, _ := newSubject(format, m).survive(t, m, value); again != text {
			t.Errorf("%q becomes %s and then %s", value, text, again)
		}
		if err == nil && len(text) == 0 {
			t.Error("no error, and nothing")
		}
	})
}

// appendLine writes a message as a line: in hex where it is no text.
func appendLine(dst, value []byte, binary bool) []byte {
	if binary {
		return hex.AppendEncode(dst, value)
	}
	return append(dst, value...)
}

func fromLine(line []byte, binary bool) []byte {
	if !binary {
		return line
	}
	value, _ := hex.AppendDecode(nil, line) // what comes before a bad digit
	return value
}
