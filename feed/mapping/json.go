package mapping

import (
	"tapedeck/feed"
	"tapedeck/feed/scan"
)

// node is a place in a JSON document, below which others may be. All paths of a mapping together are one tree, so
// that a record is gone through once, whatever order its fields are in.
type node struct {
	place
	asked  bool // it is read itself, not only what is below it
	ladder *ladder
	keys   []*node // the fields that are of use
	items  []*node // the elements
	step   step
	index  map[string]*node // of keys, where they are many
}

// fewKeys are compared one after the other; more are looked up in a map. At 8 both take as long.
const fewKeys = 8

// child returns the node one step below, which it makes if there is none.
func (n *node) child(s step) *node {
	list := &n.keys
	if s.element {
		list = &n.items
	}
	for _, below := range *list {
		if below.step == s {
			return below
		}
	}
	below := &node{step: s}
	*list = append(*list, below)
	return below
}

// finish numbers the cells of a tree from n on, and returns the number behind them.
func (n *node) finish(cell int) int {
	n.cell = cell
	cell++
	for _, list := range [][]*node{n.keys, n.items} {
		for _, below := range list {
			cell = below.finish(cell)
		}
	}
	if len(n.keys) > fewKeys {
		n.index = map[string]*node{}
		for _, below := range n.keys {
			n.index[below.step.key] = below
		}
	}
	return cell
}

// alone reports that nothing below the node is of use.
func (n *node) alone() bool { return len(n.keys)+len(n.items) == 0 }

func (n *node) field(key []byte) *node {
	if n.index != nil {
		return n.index[string(key)]
	}
	for _, below := range n.keys {
		if string(key) == below.step.key {
			return below
		}
	}
	return nil
}

func (n *node) element(i int) *node {
	for _, below := range n.items {
		if below.step.index == i {
			return below
		}
	}
	return nil
}

// walk notes what is at the cursor, and below it.
func (d *decoder) walk(c *scan.Cursor, n *node) {
	k := &d.cells[n.cell]
	if k.kind != scan.None {
		d.refuse(&n.place, feed.BadJSON, "is there twice")
	}
	switch {
	case n.ladder != nil && n.alone() && c.At('['):
		k.kind = scan.Array
		d.ladders[n.ladder.number].read(c, n.ladder)
	case n.asked || !c.At('{') && !c.At('['):
		v := c.Value()
		k.kind, k.text = v.Kind, d.content(c, v)
		if n.ladder != nil && v.Kind == scan.Array {
			below := c.Into(v)
			d.ladders[n.ladder.number].read(&below, n.ladder)
		}
		if !n.alone() && (v.Kind == scan.Object || v.Kind == scan.Array) {
			below := c.Into(v)
			d.enter(&below, n)
		}
	default:
		k.kind = scan.Object
		d.enter(c, n)
	}
}

// enter goes through the object or array at the cursor.
func (d *decoder) enter(c *scan.Cursor, n *node) {
	if c.Object() {
		for key, ok := c.Key(); ok; key, ok = c.Key() {
			d.below(c, n.field(key))
		}
		return
	}
	c.Array()
	for i := 0; c.More(); i++ {
		d.below(c, n.element(i))
	}
}

func (d *decoder) below(c *scan.Cursor, n *node) {
	if n == nil {
		c.Value()
		return
	}
	d.walk(c, n)
}

// content is a value's text: part of the record or, where it has escapes, of the decoder's own memory.
func (d *decoder) content(c *scan.Cursor, v scan.Value) []byte {
	raw := c.Raw(v)
	if v.Kind != scan.String {
		return raw
	}
	if cap(d.plain)-len(d.plain) < len(raw) { // what is there stays where it is
		d.plain = make([]byte, 0, 2*(cap(d.plain)+len(raw)))
	}
	end := len(d.plain)
	text := c.Text(v, d.plain[end:])
	if len(text) != len(raw) { // each escape is longer than what it stands for
		d.plain = d.plain[:end+len(text)]
	}
	return text
}

// json decodes the record's value, or the elements of a list in it.
func (d *decoder) json(value []byte) error {
	c := scan.Over(value)
	d.walk(&c, &d.root)
	if !c.End() {
		return feed.BadJSON
	}
	for i := range d.messages {
		m := &d.messages[i]
		if !d.hold(m.when) {
			continue
		}
		if m.group == nil {
			d.message(m)
			return nil
		}
		switch list := &d.cells[m.group.list.cell]; list.kind {
		case scan.Array, scan.Object:
			d.elements(m.group, i, list.text)
			return nil
		}
	}
	return feed.UnknownKind
}

// elements decodes a list's elements: each by the first message that fits, of those from the given one on that are of
// this list.
func (d *decoder) elements(g *group, from int, list []byte) {
	c := scan.Over(list)
	if !c.Array() { // one alone, without a list around it
		d.element(&c, g, from)
		return
	}
	for c.More() {
		d.element(&c, g, from)
		clear(d.cells[g.element.cell:g.end])
	}
}

func (d *decoder) element(c *scan.Cursor, g *group, from int) {
	d.walk(c, &g.element)
	for i := from; i < len(d.messages); i++ {
		if m := &d.messages[i]; m.group == g && d.hold(m.when) && d.hold(m.each) {
			d.message(m)
			return
		}
	}
	d.refuse(g.list, feed.UnknownKind, "has an element that fits no message")
}
