package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"

	"tapedeck/market"
)

// readJSON and readPack decode a frame with readers that are not ours, numbers as their text.
func readJSON(t *testing.T, b []byte) any {
	t.Helper()
	if !json.Valid(b) || !utf8.Valid(b) {
		t.Fatalf("not valid JSON in UTF-8: %q", b)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func readPack(t *testing.T, b []byte) any {
	t.Helper()
	v, rest, err := msgp.ReadIntfBytes(b)
	if err != nil || len(rest) != 0 {
		t.Fatalf("%v, %d bytes left of % x", err, len(rest), b)
	}
	return plain(t, v)
}

// plain gives numbers the form that readJSON gives them.
func plain(t *testing.T, v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = plain(t, v[k])
		}
		return v
	case []any:
		for i := range v {
			v[i] = plain(t, v[i])
		}
		return v
	case int64, uint64:
		return json.Number(fmt.Sprint(v))
	case string:
		if !utf8.ValidString(v) {
			t.Fatalf("not UTF-8: %q", v)
		}
	}
	return v
}

// checkSame writes the messages as one frame in each encoding, behind some other bytes, and fails
// unless both say the same. It returns what they say.
func checkSame(t *testing.T, list ...message) []any {
	t.Helper()
	before := []byte("before")
	text, pack := frame(JSON, before, list...), frame(MessagePack, before, list...)
	if !bytes.HasPrefix(text, before) || !bytes.HasPrefix(pack, before) {
		t.Fatal("what was there before is gone")
	}
	a, b := readJSON(t, text[len(before):]), readPack(t, pack[len(before):])
	if !reflect.DeepEqual(a, b) {
		t.Fatalf("JSON says\n%v\nMessagePack says\n%v", a, b)
	}
	said := a.([]any)
	if len(said) != len(list) {
		t.Fatalf("%d messages in a frame of %d", len(said), len(list))
	}
	return said
}

func TestEncodingsSayTheSame(t *testing.T) {
	checkSame(t, messages()...)
	for _, m := range messages() {
		checkSame(t, m)
	}
	checkSame(t)
}

func TestTIsTheFirstField(t *testing.T) {
	for _, m := range messages() {
		if text := m.write(JSON, nil); !bytes.HasPrefix(text, []byte(`{"t":"`)) {
			t.Errorf("%s", text)
		}
		if pack := m.write(MessagePack, nil); !bytes.HasPrefix(pack[1:], []byte("\xa1t")) {
			t.Errorf("% x", pack)
		}
	}
}

func TestManyMessagesInAFrame(t *testing.T) {
	list := make([]message, 70_000) // more than a length of 16 bits counts
	for i := range list {
		list[i] = bye(&Bye{Reason: "draining"})
	}
	checkSame(t, list...)
}

func TestLongBodies(t *testing.T) {
	for _, n := range []int{15, 16, 65535, 65536} {
		levels := someLevels(n)
		said := checkSame(t, snapshot("", &Snapshot{Body: &market.Book{Bids: levels}}))
		if bids := said[0].(map[string]any)["d"].(map[string]any)["bids"].([]any); len(bids) != n {
			t.Errorf("%d of %d levels", len(bids), n)
		}
	}
	for _, n := range []int{31, 32, 255, 256, 65535, 65536} {
		long := string(bytes.Repeat([]byte("é"), (n+1)/2))[:n] // cut within a character where n is odd
		checkSame(t, bye(&Bye{Reason: long}))
	}
}

func TestIntegers(t *testing.T) {
	for _, n := range []int64{0, 127, 128, 255, 256, 65535, 65536, 1<<32 - 1, 1 << 32, 1<<53 - 1, -2, -32, -33, -128, -129, -32768, -32769, -1 << 31, -1<<31 - 1, -1 << 53} {
		said := checkSame(t, gap("", &Gap{N: n, Records: n}))
		if got := said[0].(map[string]any)["n"]; got != json.Number(fmt.Sprint(n)) {
			t.Errorf("%d is written as %v", n, got)
		}
	}
}

func TestHostileStrings(t *testing.T) {
	for _, s := range []string{"\"", "\\", "\x00\x1f\x7f", "\xff", "a\xc3", "\xed\xa0\x80", "</script>", "\u2028", "é\"\xff币", "\xf4\x90\x80\x80"} {
		id, _ := market.MakeID(s)
		said := checkSame(t,
			ok("", &OK{ID: ID(s), Op: s, Rooms: []Granted{{Room: s, Interval: s, LimitedBy: s, Origin: s, Loss: s, Epoch: s}}}),
			refusal("", &Error{ID: ID(`"` + s), Code: Code(s), Message: s, Room: s}),
			update("", &Update{Room: s, Body: &market.Tape{Trades: []market.Trade{{ID: id}}}}),
		)
		if got, want := said[0].(map[string]any)["op"], string([]rune(s)); got != want {
			t.Errorf("%q is written as %q, want %q", s, got, want)
		}
	}
}

func TestBodies(t *testing.T) {
	for _, c := range []struct {
		body             market.Body
		snapshot, update string
	}{
		{&market.Quote{}, `{}`, `{"bid":null,"bidQty":null,"ask":null,"askQty":null}`},
		{&market.Quote{AskPrice: dec("1.0"), AskQty: dec("0")}, `{"ask":"1.0","askQty":"0"}`, `{"bid":null,"bidQty":null,"ask":"1.0","askQty":"0"}`},
		{&market.Ticker{}, `{}`, `{}`},
		{tickerOf(map[market.Field]string{market.Mark: "", market.TradeCount: "1.5"}), `{}`, `{"trades":null,"mark":null}`},
		{tickerOf(map[market.Field]string{market.Funding: "-0.0001"}), `{"funding":"-0.0001"}`, `{"funding":"-0.0001"}`},
		{&market.Tape{}, `[]`, `[]`},
		{&market.Candles{}, `[]`, `[]`},
		{&market.Book{}, `{"bids":[],"asks":[]}`, `{"bids":[],"asks":[]}`},
		{&market.Book{Bids: []market.Level{level("1.50", "0.000")}}, `{"bids":[["1.50","0"]],"asks":[]}`, `{"bids":[["1.50","0"]],"asks":[]}`},
	} {
		m, u := snapshot("", &Snapshot{Body: c.body}), update("", &Update{Body: c.body})
		checkSame(t, m, u)
		if got, want := string(m.write(JSON, nil)), `{"t":"snapshot","room":"","epoch":"","seq":0,"d":`+c.snapshot+`}`; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if got, want := string(u.write(JSON, nil)), `{"t":"update","room":"","prev":0,"seq":0,"n":0,"d":`+c.update+`}`; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestLookup(t *testing.T) {
	for _, e := range Encodings {
		if got, ok := Lookup(e.Name()); got != e || !ok {
			t.Errorf("%s is not found by its name", e.Name())
		}
	}
	if e, ok := Lookup("tapedeck.v2.json"); ok {
		t.Errorf("found %v", e)
	}
	if JSON.Binary() || !MessagePack.Binary() {
		t.Error("JSON is sent in text frames, MessagePack in binary ones")
	}
}
