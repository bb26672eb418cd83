package mapping

import (
	"maps"
	"slices"
	"strings"

	"tapedeck/market"
)

// message is one kind of message: how it is known, and what it becomes.
type message struct {
	group  *group      // the list whose elements it is; nil: the record, or a line of it
	when   []condition // on the record
	each   []condition // on the element
	ignore bool
	venue  venue
	symbol symbol
	time   *clock
	events []event
}

// event is one fact that a message becomes.
type event interface {
	emit(d *decoder, sym *market.Symbol, time int64)
}

// venue is where a message is from: always the same, or what a word stands for.
type venue struct {
	constant string
	place    *place
	words    map[string]string
}

// symbol is what a message is of.
type symbol struct {
	constant string
	place    *place
}

// shared are the keys that a message may have of its own, or else takes from the mapping.
var shared = []string{"venue", "symbol", "time", "each"}

// kinds are the facts that a message may become, in the order in which they are told.
var kinds = []struct {
	name    string
	compile func(*compiler, entry) event
}{
	{"trade", (*compiler).trade},
	{"quote", (*compiler).quote},
	{"book", (*compiler).book},
	{"ticker", (*compiler).ticker},
	{"candle", (*compiler).candle},
	{"status", (*compiler).status},
}

func kindNames() (names []string) {
	for _, k := range kinds {
		names = append(names, k.name)
	}
	return names
}

// compile compiles a mapping.
func (c *compiler) compile(e entry) *program {
	c.program = program{}
	c.root.name = "the record"
	s := c.section(e, "a mapping", slices.Concat([]string{"format", "header", "delimiter", "kind", "names", "messages"}, shared)...)
	if format := c.word(s.must("format"), "json", "csv"); format == "csv" {
		c.header(s)
	} else if e := s.get("header"); e.value != nil {
		c.fail(e.key, "header is for csv")
	} else if e := s.get("delimiter"); e.value != nil {
		c.fail(e.key, "delimiter is for csv")
	}
	c.naming(s)
	m := s.must("messages")
	for _, n := range items(m.value) {
		if n != nil {
			c.messages = append(c.messages, c.message(s, entry{name: "message", value: n}))
		}
	}
	if c.err == nil && len(c.messages) == 0 {
		c.fail(m.key, "messages is empty: list what the records are")
	}
	c.agree()
	c.numberCells()
	p := c.program
	return &p
}

// message compiles one message of a mapping.
func (c *compiler) message(above *section, e entry) message {
	s := c.section(e, "a message", slices.Concat([]string{"when", "ignore"}, shared, kindNames())...)
	s.at = at(e.value)
	pick := func(key string) entry {
		if own := s.get(key); own.value != nil {
			return own
		}
		return above.get(key)
	}
	var m message
	c.group = nil
	if each := pick("each"); each.value != nil && !isNone(each.value) {
		c.group = c.list(each)
	}
	m.group = c.group
	if m.ignore = c.flag(s.get("ignore")); !m.ignore {
		m.venue, m.symbol = c.venue(above, pick("venue")), c.symbolPlace(above, pick("symbol"))
		if e := pick("time"); e.value != nil && !isNone(e.value) {
			m.time = c.clock(e)
		}
	}
	m.when = c.conditions(s.get("when"))
	if m.group != nil {
		m.when, m.each = m.group.split(m.when)
	}
	for _, k := range kinds {
		switch e := s.get(k.name); {
		case e.value == nil:
		case m.ignore:
			c.fail(e.key, "a message that is to be ignored becomes no %s", k.name)
		default:
			m.events = append(m.events, k.compile(c, e))
		}
	}
	if len(m.events) == 0 && !m.ignore {
		c.fail(s.at, "a message needs one of %s, or ignore: true", strings.Join(kindNames(), " "))
	}
	return m
}

// list finds, or makes, the group of a list's elements.
func (c *compiler) list(e entry) *group {
	if c.csv != nil {
		c.fail(e.key, "each is for json: in csv each line is a message")
		return nil
	}
	p := c.place(e)
	for _, g := range c.groups {
		if g.list == p {
			return g
		}
	}
	g := &group{list: p, element: node{place: place{name: "an element"}}}
	c.groups = append(c.groups, g)
	return g
}

// venue reads a venue's name, or the words that stand for venues.
func (c *compiler) venue(above *section, e entry) (v venue) {
	if e.value == nil {
		c.fail(above.at, "a mapping needs venue: the first part of its rooms' names, as in BINANCE")
		return v
	}
	if !isBlock(e.value) {
		v.constant = c.text(e)
		c.nameable(e, v.constant)
		return v
	}
	s := c.section(e, "venue", "from", "words")
	v.place = c.place(s.must("from"))
	v.words = map[string]string{}
	for _, w := range c.words(s.must("words")) {
		v.words[w.name] = c.text(w)
		c.nameable(w, v.words[w.name])
	}
	return v
}

// words reads what texts stand for.
func (c *compiler) words(e entry) []entry {
	if e.value == nil {
		return nil
	}
	return c.entries(e.value, e.name)
}

func (c *compiler) nameable(e entry, venue string) {
	if c.err == nil && !nameable(venue, "A") {
		c.fail(at(e.value), "%q cannot be a venue's name: no : @ , * %% or space in it", venue)
	}
}

// constantVenue is the venue of all messages; "" where there are several.
func (p *program) constantVenue() string {
	all := map[string]bool{}
	for i := range p.messages {
		if m := &p.messages[i]; !m.ignore {
			all[m.venue.constant] = true
		}
	}
	if names := slices.Collect(maps.Keys(all)); len(names) == 1 {
		return names[0]
	}
	return ""
}

// numberCells gives each place its cell.
func (c *compiler) numberCells() {
	if c.csv != nil {
		for _, col := range c.csv.columns {
			col.cell = c.cells
			c.cells++
		}
	} else {
		c.cells = c.root.finish(c.cells)
		for _, g := range c.groups {
			c.cells = g.element.finish(c.cells)
			g.end = c.cells
		}
	}
	for _, o := range c.outside {
		o.cell = c.cells
		c.cells++
	}
}
