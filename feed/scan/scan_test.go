package scan

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"tapedeck/market"
)

// valid reads a whole document.
func valid(doc []byte) bool {
	c := Over(doc)
	c.Value()
	return c.End()
}

// documents are good, bad and odd ones; also the seeds of the fuzz test.
var documents = []string{
	`{}`, `[]`, `{"a":1}`, ` { "a" : [ 1 , 2 ] , "b" : { } } `, `[[],[[]],{"a":[{}]}]`, "\t\r\n1\n",
	`null`, `true`, `false`, `nul`, `truE`, `nulll`, `0`, `-0`, `1.5e+10`, `-1E-1`, `1e400`, `12345678901234567890123`,
	`01`, `-`, `+1`, `1.`, `.5`, `1e`, `1e+`, `0x1`, `NaN`, `Infinity`, `-01`, `1 2`, `1,`,
	`""`, `"a\"b"`, `"\\"`, `"\u00e9\ud83d\ude00"`, `"\ud83d"`, `"\u12"`, `"\x"`, `"tab	in it"`, "\"\x00\"", "\"\xff\xfe\"", "\"a\nb\"", `"no end`, `"\`, `"\u`,
	`{`, `}`, `[`, `]`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `{"a":1 "b":2}`, `{"a":1"b":2}`, `{,"b":2}`, `[1"a"]`, `{a:1}`, `{"a":1}}`, `{1:2}`, `[1,]`, `[,1]`, `[1 2]`, `[1,,2]`, `{"a":1]`, `[1}`,
	``, ` `, "\x00", "\x0b1", "1\x00", "\ufeff1", `'a'`, `{"\u0061":1,"a":2}`,
	`{"stream":"x@trade","data":{"e":"trade","s":"X","p":"1.0","m":true}}`, `{"b":[["1.5","2"],["1.4","0.000"]]}`,
	strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth),
	strings.Repeat(`{"a":`, MaxDepth-1) + `[1]` + strings.Repeat("}", MaxDepth-1),
	`{"12345678":"12345678","1234567\"":"\\\\\\\\1234567"}`,
}

func TestSameAsEncodingJSON(t *testing.T) {
	for _, doc := range documents {
		if got, want := valid([]byte(doc)), json.Valid([]byte(doc)); got != want {
			t.Errorf("%q is valid: %v, encoding/json says %v", doc, got, want)
		}
		for i := range len(doc) { // and of every part of it
			if got, want := valid([]byte(doc[:i])), json.Valid([]byte(doc[:i])); got != want {
				t.Errorf("%q is valid: %v, encoding/json says %v", doc[:i], got, want)
			}
		}
	}
}

// This is the one difference to encoding/json, which goes down to 10,000.
func TestDeepDocumentsAreRefused(t *testing.T) {
	deep := strings.Repeat("[", MaxDepth+1) + strings.Repeat("]", MaxDepth+1)
	if valid([]byte(deep)) || !json.Valid([]byte(deep)) {
		t.Errorf("a document that nests %d deep was accepted", MaxDepth+1)
	}
	if endless := strings.Repeat(`{"a":[`, 1<<20); valid([]byte(endless)) {
		t.Error("a document without an end was accepted")
	}
}

// tree reads a value with Object, Key, Array and More, into what encoding/json would make of it; of
// doubled keys the last counts.
func tree(c *Cursor) any {
	switch {
	case c.Object():
		m := map[string]any{}
		for key, ok := c.Key(); ok; key, ok = c.Key() {
			name := string(key)
			m[name] = tree(c)
		}
		return m
	case c.Array():
		list := []any{}
		for c.More() {
			list = append(list, tree(c))
		}
		return list
	}
	switch v := c.Value(); v.Kind {
	case String:
		return string(c.Text(v, nil))
	case Number:
		return json.Number(c.Raw(v))
	case True, False:
		return v.Kind == True
	default:
		return nil
	}
}

func jsonTree(doc []byte) (v any) {
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	if dec.Decode(&v) != nil {
		return nil
	}
	return v
}

// check compares what the cursor makes of a document with what encoding/json does.
func check(t *testing.T, doc []byte) {
	t.Helper()
	before := bytes.Clone(doc)
	c := Over(doc)
	got := tree(&c)
	ok := c.End()
	if whole := valid(doc); whole != ok {
		t.Fatalf("%q: taken whole it is valid: %v, entered: %v", doc, whole, ok)
	}
	if want := json.Valid(doc); ok != want && nesting(doc) <= MaxDepth {
		t.Fatalf("%q is valid: %v, encoding/json says %v", doc, ok, want)
	}
	// encoding/json makes what is not UTF-8 so; a decoder gets the bytes as they are.
	if ok && bytes.Equal(doc, bytes.ToValidUTF8(doc, nil)) && !reflect.DeepEqual(got, jsonTree(doc)) {
		t.Fatalf("%q: read %v, encoding/json reads %v", doc, got, jsonTree(doc))
	}
	if !bytes.Equal(doc, before) {
		t.Fatalf("%q was changed to %q", before, doc)
	}
}

// nesting is how deep a document may nest at most: its opening brackets, in strings or not.
func nesting(doc []byte) int { return bytes.Count(doc, []byte("[")) + bytes.Count(doc, []byte("{")) }

func TestReadsWhatEncodingJSONReads(t *testing.T) {
	for _, doc := range documents {
		check(t, []byte(doc))
	}
}

func FuzzCursor(f *testing.F) {
	for _, doc := range documents {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		if nesting(doc) < 5_000 {
			check(t, doc)
		} else {
			valid(doc)
		}
	})
}

// What is not entered is not taken, and what is taken whole can be entered later.
func TestEnterOrTake(t *testing.T) {
	c := Over([]byte(` {"a":[1,{"b":"x"}],"c":"y"} `))
	if c.Array() || !c.Object() {
		t.Fatal("an object is not an array")
	}
	key, _ := c.Key()
	if string(key) != "a" || c.Object() {
		t.Fatalf("the first key is %s", key)
	}
	list := c.Value()
	if list.Kind != Array || string(c.Raw(list)) != `[1,{"b":"x"}]` {
		t.Fatalf("took %q", c.Raw(list))
	}
	if key, _ := c.Key(); string(key) != "c" {
		t.Fatalf("the second key is %s", key)
	}
	if v := c.Value(); v.Kind != String || string(c.Raw(v)) != "y" {
		t.Fatalf("took %q", c.Raw(v))
	}
	if _, ok := c.Key(); ok || !c.End() {
		t.Fatal("the document has no end")
	}
	in := c.Into(list)
	if got := tree(&in); !reflect.DeepEqual(got, []any{json.Number("1"), map[string]any{"b": "x"}}) || !in.End() {
		t.Fatalf("entered later it is %v", got)
	}
}

// A cursor in a malformed document ends every loop at once and never goes on.
func TestMalformedEndsEverything(t *testing.T) {
	c := Over([]byte(`{"a":x,"b":[1,2]}`))
	c.Object()
	c.Key()
	if v := c.Value(); v.Kind != None {
		t.Errorf("took %v", v)
	}
	if _, ok := c.Key(); ok || c.More() || c.Object() || c.Array() || c.Value().Kind != None || c.End() {
		t.Error("it went on")
	}
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string]string{
		`"61837.63000000"`: "61837.63000000", `2.0E-4`: "0.00020", `"-3"`: "-3", `0`: "0", `"\u0031.5"`: "1.5",
		`""`: "", `"x"`: "", `"NaN"`: "", `1e400`: "", `null`: "", `true`: "", `["1"]`: "", `"1 "`: "", `" 1"`: "",
		`"12345678901234567890123456789"`: "", `"0x10"`: "", `"+1"`: "", `"1,5"`: "",
		`"` + strings.Repeat(`\u0030`, 100) + `"`: "0",
	} {
		c := Over([]byte(text))
		d, ok := c.Decimal(c.Value())
		if d.String() != want || ok != (want != "") || !c.End() {
			t.Errorf("%s is %s (%v), want %q", text, d, ok, want)
		}
	}
	for text, want := range map[string]int64{
		`1723161257440`: 1723161257440, `0`: 0, `-5`: -5, `999999999999999999`: 999999999999999999,
		`1000000000000000000`: -1, `1.0`: -1, `1e3`: -1, `"1"`: -1, `null`: -1,
	} {
		c := Over([]byte(text))
		if n, ok := c.Int(c.Value()); ok != (want != -1) || ok && n != want {
			t.Errorf("%s is %d (%v), want %d", text, n, ok, want)
		}
	}
}

func TestNothingIsAllocated(t *testing.T) {
	depth := message(40)
	if n := testing.AllocsPerRun(100, func() { readDepth(t, depth) }); n != 0 {
		t.Errorf("%v allocations to read a book's message", n)
	}
	escaped := []byte(`{"\u0061":"\u0031.5","\ud83d\ude00":1}`)
	if n := testing.AllocsPerRun(100, func() {
		c := Over(escaped)
		c.Object()
		c.Key()
		d, _ := c.Decimal(c.Value())
		c.Key()
		if c.Value(); d != market.MustDecimal("1.5") {
			t.Error("read", d)
		}
	}); n != 0 {
		t.Errorf("%v allocations to read escapes", n)
	}
}

// message is a book's message with n levels a side.
func message(n int) []byte {
	b := []byte(`{"e":"depthUpdate","E":1700000000123,"s":"AAABBB","U":50093239189,"u":50093239202,"b":[`)
	for i := range n {
		b = append(b, `["617`...)
		b = append(b, byte('0'+i/10%10), byte('0'+i%10))
		b = append(b, `.63000000","0.32329000"],`...)
	}
	return append(b[:len(b)-1], `]}`...)
}

func readDepth(t testing.TB, doc []byte) (levels int) {
	c := Over(doc)
	c.Object()
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		if string(key) != "b" || !c.Array() {
			c.Value()
			continue
		}
		for c.More() {
			for c.Array(); c.More(); levels++ {
				if _, ok := c.Decimal(c.Value()); !ok {
					t.Fatal("not a number")
				}
			}
		}
	}
	if !c.End() {
		t.Fatal("malformed")
	}
	return levels
}

// BenchmarkCursor reads the levels of a message of 40, and says how many times longer encoding/json takes
// for that in the same run.
func BenchmarkCursor(b *testing.B) {
	doc := message(40)
	var levels []market.Level
	ours := func() {
		c := Over(doc)
		c.Object()
		for key, ok := c.Key(); ok; key, ok = c.Key() {
			if string(key) == "b" {
				levels, _ = c.Levels(levels[:0])
			} else {
				c.Value()
			}
		}
		if !c.End() || len(levels) != 40 {
			b.Fatal("malformed")
		}
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(doc)))
	for b.Loop() {
		ours()
	}
	b.ReportMetric(ratio(ours, func() {
		var m struct {
			Bids [][2]string `json:"b"`
		}
		if err := json.Unmarshal(doc, &m); err != nil {
			b.Fatal(err)
		}
	}), "x-encoding/json")
}

// ratio says how many times longer theirs takes, from the shortest of many runs in turns: so that it
// does not matter what else the machine does.
func ratio(ours, theirs func()) float64 {
	took := [2]time.Duration{time.Hour, time.Hour}
	for range 100 {
		for i, f := range []func(){ours, theirs} {
			start := time.Now()
			for range 20 {
				f()
			}
			took[i] = min(took[i], time.Since(start))
		}
	}
	return float64(took[1]) / float64(took[0])
}

// Levels reads a list of levels however it is written, and takes what is none whole.
func TestLevels(t *testing.T) {
	two := []market.Level{
		{Price: market.MustDecimal("37000.10000000"), Qty: market.MustDecimal("0.50000000")},
		{Price: market.MustDecimal("36999.9"), Qty: market.MustDecimal("0")},
	}
	for text, want := range map[string][]market.Level{
		`[]`: {},
		`[["37000.10000000","0.50000000"],["36999.9","0"]]`:               two,
		` [ [ "37000.10000000" , "0.50000000" ] , [ "36999.9" , "0" ] ] `: two,
		`[[37000.10000000,"0.50000000",3],["36999.9",0,[],{"a":"]"}]]`:    two,
		`[["\u00337000.10000000","0.50000000"],["36999.9","\u0030"]]`:     two,
		`[["37000.10000000","0.50000000",12],["36999.9","0",[]]]`:         two,
		`[["37000.10000000","0.50000000"],["36999.9"]]`:                   nil,
		`[["37000.10000000","0.50000000"],["36999.9","-1"]]`:              nil,
		`[["-37000.10000000","0.50000000"]]`:                              nil, `[["0.00","0.50000000"]]`: nil, `[["37000.1x","0.50000000"]]`: nil,
		`[["37000.1","0.5\""]]`: nil, `[["37000.1","NaN"]]`: nil, `[["37000.1",null]]`: nil, `[[]]`: nil, `["37000.1","1"]`: nil, `[null]`: nil,
		`{"37000.1":"1"}`: nil, `null`: nil, `"x"`: nil, `1`: nil, `[{"p":"1","q":"1"}]`: nil,
	} {
		c := Over([]byte(text))
		got, ok := c.Levels(nil)
		if !c.End() {
			t.Errorf("%s was not taken whole", text)
		}
		if ok != (want != nil) || ok && !slices.Equal(got, want) {
			t.Errorf("%s became %v (%v), want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{`[["37000.1","0.5"]`, `[["37000.1","0.5"`, `[["37000.1","0.5`, `[["37000.1","`, `[["37000.1"x"0.5"]]`, `[["37000.1","0.5"}]`, `[["37000.1","0.5"]["1","1"]]`} {
		c := Over([]byte(text))
		if c.Levels(nil); c.End() {
			t.Errorf("%s was read to its end", text)
		}
	}
}

// A field is read as what it must be, or is a fault; the first fault is told.
func TestFields(t *testing.T) {
	var f Fields
	read := func(doc string) {
		f.Open([]byte(doc))
		for f.Cursor.Object(); ; {
			key, ok := f.Cursor.Key()
			if !ok {
				return
			}
			f.Take(key[0])
		}
	}
	const good = `{"a":"1.50","b":-2,"c":0,"d":true,"e":"x","f":7,"g":null,"h":""}`
	read(good)
	if f.Number('a') != market.MustDecimal("1.50") || f.Number('b') != market.MustDecimal("-2") || f.Price('a') != market.MustDecimal("1.50") ||
		!f.Size('c').IsZero() || !f.Flag('d') || string(f.Word('e')) != "x" || f.Count('f') != 7 || f.Int('b') != -2 || f.Kind('g') != Null || f.Kind('z') != None {
		t.Error("a field is not what it is")
	}
	if !f.Empty('g') || !f.Empty('h') || !f.Empty('z') || f.Empty('c') || !f.Has('a') || f.Has('z') || !f.Any() {
		t.Error("a field is there, or is not")
	}
	if fault, _ := f.Fault(); fault != Sound || !f.Close() {
		t.Errorf("a good message has fault %d", fault)
	}
	for name, test := range map[string]struct {
		doc   string
		use   func()
		fault Fault
		where byte
	}{
		"missing":           {good, func() { f.Number('z') }, Missing, 'z'},
		"twice":             {`{"a":1,"a":1}`, func() {}, Twice, 'a'},
		"no number":         {good, func() { f.Number('e') }, Wrong, 'e'},
		"negative":          {good, func() { f.Size('b') }, Wrong, 'b'},
		"no price":          {good, func() { f.Price('c') }, Wrong, 'c'},
		"no whole number":   {good, func() { f.Int('a') }, Wrong, 'a'},
		"a negative count":  {good, func() { f.Count('b') }, Wrong, 'b'},
		"a negative id":     {good, func() { f.ID('b') }, Wrong, 'b'},
		"a large count":     {`{"a":9007199254740993}`, func() { f.Count('a') }, Wrong, 'a'},
		"no flag":           {good, func() { f.Flag('c') }, Wrong, 'c'},
		"no text":           {good, func() { f.Word('f') }, Wrong, 'f'},
		"an empty text":     {good, func() { f.Word('h') }, Wrong, 'h'},
		"the first of many": {good, func() { f.Price('c'); f.Word('z'); f.Int('e') }, Wrong, 'c'},
	} {
		read(test.doc)
		test.use()
		f.Clear() // forgets the fields, not the fault
		if fault, where := f.Fault(); fault != test.fault || where != test.where || f.Any() {
			t.Errorf("%s: fault %d in %c, want %d in %c", name, fault, where, test.fault, test.where)
		}
	}
	read(good)
	if fault, _ := f.Fault(); fault != Sound {
		t.Error("a new document has the fault of the one before")
	}
}
