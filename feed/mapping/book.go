package mapping

import (
	"cmp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"tapedeck/feed"
	"tapedeck/market"
)

// book is where the levels of a book are, and what makes them follow each other.
type book struct {
	bids, asks                *side
	snapshot                  test
	sequence, first, previous *place
	rule                      string // "": it has only snapshots, and says nothing of it
	fetched                   bool
	at                        *token.Token
	chain                     *market.Chain // of all of the mapping's books
	depth                     int
}

// rules are the ways in which one message of a book follows another.
var rules = []string{"next", "previous", "grows"}

func (c *compiler) book(e entry) event {
	s := c.section(e, "book", "bids", "asks", "price", "size", "snapshot", "sequence", "first", "previous", "rule", "fetched", "depth")
	shape := c.shape(s)
	k := &book{
		bids: c.side(s.must("bids"), shape), asks: c.side(s.must("asks"), shape), snapshot: c.test(s.must("snapshot")),
		sequence: c.place(s.get("sequence")), first: c.place(s.get("first")), previous: c.place(s.get("previous")),
	}
	if e := s.get("depth"); e.value != nil {
		k.depth = c.number(e, 1, maxLevels)
	}
	c.rule(s, k)
	return k
}

// rule reads how the messages of a book follow each other.
func (c *compiler) rule(s *section, k *book) {
	if !s.has("sequence") {
		for _, key := range []string{"first", "previous", "rule", "fetched"} {
			if s.has(key) {
				c.fail(s.get(key).key, "%s is of no use without sequence", key)
			}
		}
		return
	}
	k.fetched, k.at = c.flag(s.get("fetched")), s.at
	changes := !k.snapshot.yes
	switch e := s.get("rule"); {
	case e.value != nil:
		k.rule = c.word(e, rules...)
	case s.has("previous"):
		k.rule = "previous"
	case changes:
		k.rule = "next"
	}
	switch {
	case s.has("previous") && k.rule != "previous":
		c.fail(s.get("previous").key, "previous is for the rule previous")
	case s.has("first") && k.rule != "next":
		c.fail(s.get("first").key, "first is for the rule next")
	case changes && k.rule == "previous" && !s.has("previous"):
		c.fail(s.get("rule").key, "the rule previous needs previous: where the number of the message before is")
	}
}

// agree gives all books of a mapping the one rule that they have: a snapshot says nothing of it, and what it was
// fetched beside must know.
func (c *compiler) agree() {
	var numbered []*book
	rule, fetched := "", false
	for i := range c.messages {
		for _, e := range c.messages[i].events {
			k, ok := e.(*book)
			if !ok || k.sequence == nil {
				continue
			}
			if rule != "" && k.rule != "" && rule != k.rule {
				c.fail(k.at, "a book by the rule %s beside one by the rule %s: make two mappings of them", k.rule, rule)
			}
			numbered = append(numbered, k)
			rule, fetched = cmp.Or(rule, k.rule), fetched || k.fetched
		}
	}
	for _, k := range numbered {
		k.chain = chains[cmp.Or(rule, "next")][fetched]
	}
}

// chains are the rules, by name, and by whether snapshots are fetched beside the stream.
var chains = map[string]map[bool]*market.Chain{
	"next": both(market.Chain{
		Name:    "mapping-next",
		Old:     func(d *market.Book, snap int64) bool { return d.Last <= snap },
		Starts:  func(d *market.Book, snap int64) bool { return d.First <= snap+1 && snap+1 <= d.Last },
		Follows: func(d *market.Book, prev int64) bool { return d.First == prev+1 },
	}),
	"previous": both(market.Chain{
		Name:    "mapping-previous",
		Old:     func(d *market.Book, snap int64) bool { return d.Last <= snap },
		Starts:  func(d *market.Book, snap int64) bool { return d.Prev <= snap && snap < d.Last },
		Follows: func(d *market.Book, prev int64) bool { return d.Prev == prev },
	}),
	"grows": both(market.Chain{ // numbers are left out as a matter of course, so a hole tells nothing
		Name:    "mapping-grows",
		Blind:   true,
		Old:     func(d *market.Book, snap int64) bool { return d.Last <= snap },
		Starts:  func(d *market.Book, snap int64) bool { return d.Last > snap },
		Follows: func(d *market.Book, prev int64) bool { return d.Last > prev },
	}),
}

func both(c market.Chain) map[bool]*market.Chain {
	late := c
	late.Late = true
	return map[bool]*market.Chain{false: &c, true: &late}
}

func (k *book) emit(d *decoder, sym *market.Symbol, time int64) {
	out := d.batch.Book(sym, time)
	out.Snapshot, out.Depth = d.passes(&k.snapshot), k.depth
	if k.sequence != nil {
		out.Chain = k.chain
		if out.Last = d.integer(k.sequence); out.Last < 0 {
			d.refuse(k.sequence, feed.BadValue, "is negative")
		}
		d.numbers(k, out)
	}
	d.levels(&out.Bids, k.bids)
	d.levels(&out.Asks, k.asks)
	bids, asks := k.bids.there(d), k.asks.there(d)
	switch {
	case !bids && (out.Snapshot || !asks):
		d.refuse(k.bids.place(), feed.MissingField, "is not there")
	case !asks && out.Snapshot:
		d.refuse(k.asks.place(), feed.MissingField, "is not there")
	}
}

// numbers reads which messages a change comes after.
func (d *decoder) numbers(k *book, out *market.Book) {
	switch {
	case out.Snapshot:
	case k.previous != nil:
		out.Prev = d.integer(k.previous)
	case k.first == nil:
		out.First = out.Last
	default:
		if out.First = d.integer(k.first); out.First > out.Last {
			d.refuse(k.first, feed.BadValue, "is above the sequence")
		}
	}
}

// shape reads the keys price and size of a book.
func (c *compiler) shape(s *section) *ladder {
	l := &ladder{price: step{element: true}, size: step{element: true, index: 1}}
	for key, to := range map[string]*step{"price": &l.price, "size": &l.size} {
		e := s.get(key)
		if e.value == nil {
			continue
		}
		if _, number := e.value.(*ast.IntegerNode); number {
			to.index = c.number(e, 0, maxIndex)
			continue
		}
		*to = step{key: c.text(e)}
	}
	if l.price.element != l.size.element {
		c.fail(s.at, "in a book price and size are both numbers, of elements, or both keys")
	}
	return l
}

// side is where the levels of one side are: in a list, or each by itself.
type side struct {
	list *place
	rows bool // the list is a text: it is read when it is needed
	form *ladder
	flat []flat
}

// flat is one level, in places of its own.
type flat struct{ price, size *place }

// maxLevels is how many levels a side may have that are each by itself.
const maxLevels = 1000

func (c *compiler) side(e entry, shape *ladder) *side {
	if isBlock(e.value) {
		return c.flat(e)
	}
	p := c.place(e)
	s := &side{list: p, form: shape}
	if c.err != nil || c.csv != nil || strings.HasPrefix(p.name, "@") {
		s.rows = true
		return s
	}
	n := c.nodeOf(p)
	for _, g := range c.groups {
		if g.list == p {
			c.fail(at(e.value), "%s: the list at %s has messages, as each says, and no levels", e.name, p.name)
		}
	}
	if n.ladder == nil {
		n.ladder = &ladder{price: shape.price, size: shape.size, number: c.lists}
		c.lists++
	} else if n.ladder.price != shape.price || n.ladder.size != shape.size {
		c.fail(at(e.value), "%s: the levels at %s are read in two ways", e.name, p.name)
	}
	s.form = n.ladder
	return s
}

// nodeOf finds the node of a place.
func (c *compiler) nodeOf(p *place) (found *node) {
	var find func(n *node) bool
	find = func(n *node) bool {
		if &n.place == p {
			found = n
			return true
		}
		return slices.ContainsFunc(n.keys, find) || slices.ContainsFunc(n.items, find)
	}
	if !find(&c.root) {
		find(&c.group.element)
	}
	return found
}

// flat reads levels that are each by themselves: bids[{0}].price is bids[0].price, bids[1].price and so on.
func (c *compiler) flat(e entry) *side {
	s := c.section(e, e.name, "price", "size", "levels")
	out := &side{}
	n := c.number(s.must("levels"), 1, maxLevels)
	for i := range n {
		if c.err != nil {
			return out
		}
		out.flat = append(out.flat, flat{c.place(c.nth(s.must("price"), i)), c.place(c.nth(s.must("size"), i))})
	}
	return out
}

// nth puts a number where a text has {0}, {1}, {00} or {01}: the first one, with as many digits.
func (c *compiler) nth(e entry, i int) entry {
	text := c.text(e)
	before, rest, ok := strings.Cut(text, "{")
	first, after, closed := strings.Cut(rest, "}")
	if !ok || !closed || first == "" || strings.Trim(first, "01") != "" || strings.Trim(first, "0") != "" && !strings.HasSuffix(first, "1") || len(first) > 4 {
		if c.err == nil {
			c.fail(at(e.value), "%s: %q needs the first level's number in braces, {0} or {1}, or {00} for two digits", e.name, text)
		}
		return e
	}
	e.value = &ast.StringNode{Token: at(e.value), Value: before + numbered(first, i) + after}
	return e
}
