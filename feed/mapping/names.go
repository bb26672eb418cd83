package mapping

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"tapedeck/feed"
	"tapedeck/market"
)

// naming says what symbols are called.
type naming struct {
	venue string         // of its symbols alone; "": of any
	is    string         // the native name that it is about; "" where like says it
	like  *regexp.Regexp // all of a native name
	name  string         // with $1 for what the expression's first group has found; "": the native name
	kind  market.Kind
}

var symbolKinds = []string{"spot", "perpetual", "future", "option"}

func (c *compiler) kindOf(e entry, unless market.Kind) market.Kind {
	if e.value == nil {
		return unless
	}
	return market.Kind(max(0, slices.Index(symbolKinds, c.word(e, symbolKinds...))))
}

// naming reads what symbols are called.
func (c *compiler) naming(s *section) {
	c.kind = c.kindOf(s.get("kind"), market.Spot)
	e := s.get("names")
	if e.value == nil {
		return
	}
	for _, n := range items(e.value) {
		s := c.section(entry{value: n}, "an entry of names", "venue", "is", "like", "name", "kind")
		out := naming{kind: c.kindOf(s.get("kind"), c.kind)}
		if s.has("is") == s.has("like") {
			c.fail(s.at, "an entry of names needs either is, a native name, or like, a regular expression")
			return
		}
		if s.has("venue") {
			out.venue = c.text(s.get("venue"))
		}
		if s.has("is") {
			out.is = c.text(s.get("is"))
		} else {
			out.like = c.expression(s.get("like"))
		}
		if s.has("name") {
			out.name = c.text(s.get("name"))
			c.groupsOf(s.get("name"), &out)
		}
		c.names = append(c.names, out)
	}
}

func (c *compiler) expression(e entry) *regexp.Regexp {
	text := c.text(e)
	r, err := regexp.Compile(`^(?:` + text + `)$`)
	if err != nil {
		c.fail(at(e.value), "like: %q is not a regular expression: %v", text, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	return r
}

var reference = regexp.MustCompile(`\$[0-9]`)

// groupsOf checks that the groups that a name speaks of are there.
func (c *compiler) groupsOf(e entry, n *naming) {
	for _, ref := range reference.FindAllString(n.name, -1) {
		if n.like == nil || int(ref[1]-'0') > n.like.NumSubexp() {
			c.fail(at(e.value), "name: there is no group %s: like has %d in parentheses", ref, groupsIn(n.like))
			return
		}
	}
}

func groupsIn(r *regexp.Regexp) int {
	if r == nil {
		return 0
	}
	return r.NumSubexp()
}

// fit returns what a native name is called; false if this is not about it.
func (n *naming) fit(venue, native string) (name string, ok bool) {
	if n.venue != "" && n.venue != venue {
		return "", false
	}
	var found []string
	if n.like != nil {
		if found = n.like.FindStringSubmatch(native); found == nil {
			return "", false
		}
	} else if n.is != native {
		return "", false
	}
	if n.name == "" {
		return native, true
	}
	return reference.ReplaceAllStringFunc(n.name, func(ref string) string { return found[ref[1]-'0'] }), true
}

// symbolPlace reads where the native name is, or the name that it always has.
func (c *compiler) symbolPlace(above *section, e entry) (s symbol) {
	if e.value == nil {
		c.fail(above.at, "a mapping needs symbol: where its native name is, or {is: NAME}")
		return s
	}
	if !isBlock(e.value) {
		s.place = c.place(e)
		return s
	}
	s.constant = c.text(c.section(e, "symbol", "is").must("is"))
	return s
}

// meet makes a symbol of its first message.
func (d *decoder) meet(venue, native string) (*market.Symbol, error) {
	s := market.Symbol{Venue: venue, Name: native, Native: native, Kind: d.kind}
	for i := range d.names {
		if name, ok := d.names[i].fit(venue, native); ok {
			s.Name, s.Kind = name, d.names[i].kind
			break
		}
	}
	if !nameable(s.Venue, s.Name) || !utf8.ValidString(native) {
		return nil, fmt.Errorf("%w: no room can have the name %.40q", feed.BadSymbol, s.Name)
	}
	if base, quote, ok := strings.Cut(s.Name, "-"); ok && base != "" && quote != "" && !strings.Contains(quote, "-") {
		s.Base, s.Quote = base, quote
	}
	room := venue + ":" + s.Name
	if other, twice := d.called[room]; twice {
		return nil, fmt.Errorf("%w: by names it is %s, as %s is", feed.BadSymbol, s.Name, other)
	}
	sym, err := d.symbols.Add(d.key, s)
	if err == nil {
		d.called[room] = native
	}
	return sym, err
}

// nameable reports whether every room of the symbol has a name that leads back to it.
func nameable(venue, name string) bool {
	r := market.Room{Channel: market.CandlesChannel, Venue: venue, Symbol: name, Variant: "00000000"} // the longest
	back, wild, ok := market.ParseRoom(r.String())
	return ok && !wild && back == r && utf8.ValidString(name)
}
