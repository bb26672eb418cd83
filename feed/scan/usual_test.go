package scan

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"tapedeck/market"
)

// sameLists reads a document as lists of levels, changes and rungs: as it is, and with nothing taken for usual.
func sameLists(t *testing.T, doc []byte) (usual int) {
	t.Helper()
	good := func(l market.Level) bool { return !l.Price.Neg() && !l.Price.IsZero() && !l.Qty.Neg() }
	for name, read := range map[string]struct {
		fast, slow func(*Cursor) ([]market.Level, bool)
	}{
		"levels": {
			func(c *Cursor) ([]market.Level, bool) { return c.Levels(nil) },
			func(c *Cursor) ([]market.Level, bool) { return each(c, (*Cursor).level, good) },
		},
		"changes": {
			func(c *Cursor) ([]market.Level, bool) {
				bids, asks, ok := c.Changes(nil, nil)
				return append(bids, asks...), ok
			},
			func(c *Cursor) ([]market.Level, bool) {
				var bids, asks []market.Level
				_, ok := each(c, func(c *Cursor) (market.Level, bool) {
					bid, l, ok := c.change()
					if bid {
						bids = append(bids, l)
					} else {
						asks = append(asks, l)
					}
					return l, ok
				}, good)
				return append(bids, asks...), ok
			},
		},
		"rungs": {
			func(c *Cursor) ([]market.Level, bool) { return c.Ladder(nil, "p", "qty") },
			func(c *Cursor) ([]market.Level, bool) {
				return each(c, func(c *Cursor) (market.Level, bool) { return c.Rung("p", "qty") }, good)
			},
		},
	} {
		a, b := Over(doc), Over(doc)
		got, ok := read.fast(&a)
		want, wantOK := read.slow(&b)
		if a.End() != b.End() || b.End() && (ok != wantOK || ok && !slices.Equal(got, want)) {
			t.Errorf("as %s %q becomes %v (%v), want %v (%v)", name, doc, got, ok, want, wantOK)
		}
		if b.End() && wantOK {
			usual += len(want)
		}
	}
	return usual
}

func each(c *Cursor, read func(*Cursor) (market.Level, bool), good func(market.Level) bool) (all []market.Level, ok bool) {
	if !c.Array() {
		c.Value()
		return nil, false
	}
	ok = true
	for c.More() {
		l, fine := read(c)
		ok = ok && fine && good(l)
		all = append(all, l)
	}
	return all, ok
}

// list makes a list of levels in one of the forms that venues have, of numbers that they may or may not write.
func list(r *rand.Rand) string {
	numbers := []string{"37000.10000000", "0.5", "0", "7", "12345678.12345678", "123456789012345.5", "1.1234567890123456789", "0.00", "1e5", "2.5E-3", "-1", "-0.5", "01.5", "00", ".5", "5.", "1234567", "123456789"}
	forms := []string{`[%s,%s]`, `["%s","%s"]`, `["%s",%s,"0","3"]`, `["buy","%s","%s"]`, `["sell",%s,%s]`, `{"p":"%s","qty":"%s"}`, `{"p":%s,"qty":%s,"n":7}`, `{"qty":%s,"p":%s}`, `[ "%s" , "%s" ]`}
	form := forms[r.IntN(len(forms))]
	var all []string
	for range r.IntN(4) {
		if r.IntN(8) == 0 {
			form = forms[r.IntN(len(forms))]
		}
		all = append(all, fmt.Sprintf(form, numbers[r.IntN(len(numbers))], numbers[r.IntN(len(numbers))]))
	}
	return "[" + strings.Join(all, ",") + "]"
}

// What is read at once because it is written as usual is what it would be if it were read with care.
func TestUsualIsNoOther(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	n := 0
	for range 20_000 {
		doc := []byte(list(r))
		n += sameLists(t, doc)
		doc[r.IntN(len(doc))] = `0123456789.,"[]{}-e xn:`[r.IntN(23)]
		sameLists(t, doc)
	}
	if n < 3_000 {
		t.Errorf("only %d levels were good", n)
	}
}

func FuzzLists(f *testing.F) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 50 {
		f.Add([]byte(list(r)))
	}
	f.Fuzz(func(t *testing.T, doc []byte) { sameLists(t, doc) })
}

// Amount is Decimal of a Value, however the number is written, and whatever it is.
func TestAmount(t *testing.T) {
	for _, text := range []string{
		`1`, `"1"`, `-1.50`, `"0.00020"`, `2.0E-4`, `"2.0E-4"`, `"1\u0032"`, `12345678901234567890.5`, `""`, `"x"`, `null`, `true`, `[1]`, `{"a":1}`, `01`, `"01"`, `1.`, `-`, `"1`, ``,
	} {
		for _, around := range []string{"[%s]", "[ %s ]", "[%s,2]", `{"a":%s}`, "%s"} {
			doc := []byte(fmt.Sprintf(around, text))
			a, b := Over(doc), Over(doc)
			for _, c := range []*Cursor{&a, &b} {
				if c.Array() {
					c.More()
				} else if c.Object() {
					c.Key()
				}
			}
			got, ok := a.Amount()
			want, wantOK := b.Decimal(b.Value())
			if ok != wantOK || ok && got != want || a.at != b.at || a.bad != b.bad {
				t.Errorf("%s becomes %v (%v) up to %d, want %v (%v) up to %d", doc, got, ok, a.at, want, wantOK, b.at)
			}
		}
	}
}

func TestLiteral(t *testing.T) {
	c := Over([]byte(`[{"a":"x","n":1},{"a":"y","n":2}]`))
	c.Array()
	c.More()
	if c.Literal(`{"a":"y"`) || !c.Literal(`{"a":"x","n":`) {
		t.Fatal("what is not there was taken, or what is there was not")
	}
	if n, ok := c.Number(); !ok || n != market.Int(1) || !c.Literal("}") {
		t.Fatalf("behind it comes %v", n)
	}
	if !c.More() || !c.Object() {
		t.Fatal("the next object is not found")
	}
	if key, ok := c.Key(); !ok || string(key) != "a" {
		t.Errorf("its first key is %q", key)
	}
	if short := Over([]byte(`{"`)); short.Literal(`{"a"`) {
		t.Error("more was taken than there is")
	}
}
