package mapping

import (
	"slices"

	"github.com/goccy/go-yaml/ast"

	"tapedeck/feed/scan"
)

// condition holds if what is at a place is one of some texts.
type condition struct {
	place   *place
	texts   []string
	nothing bool // also if nothing is there
	any     bool // also if anything is
}

// test is a set of conditions that must all hold; or, without any, yes or no.
type test struct {
	all []condition
	yes bool
}

// hold reports whether all conditions hold.
func (d *decoder) hold(all []condition) bool {
	for i := range all {
		if !d.holds(&all[i]) {
			return false
		}
	}
	return true
}

func (d *decoder) holds(c *condition) bool {
	k := &d.cells[c.place.cell]
	if k.kind <= scan.Null || k.kind == scan.String && len(k.text) == 0 {
		return c.nothing
	}
	if c.any {
		return true
	}
	if k.kind >= scan.Array {
		return false
	}
	for _, t := range c.texts {
		if string(k.text) == t {
			return true
		}
	}
	return false
}

func (d *decoder) passes(t *test) bool { return t.yes || len(t.all) > 0 && d.hold(t.all) }

// conditions reads places and the texts that must be at them.
func (c *compiler) conditions(e entry) (all []condition) {
	if e.value == nil {
		return nil
	}
	for _, e := range c.entries(e.value, e.name) {
		where := entry{e.name, e.key, &ast.StringNode{Token: e.key, Value: e.name}}
		if c.csv != nil && isNumber(e.name) {
			where.value = &ast.IntegerNode{Token: e.key}
		}
		all = append(all, c.condition(c.place(where), e))
	}
	return all
}

func isNumber(s string) bool {
	_, ok := parseInt([]byte(s))
	return ok
}

func (c *compiler) condition(p *place, e entry) condition {
	out := condition{place: p}
	for _, n := range items(e.value) {
		if _, null := n.(*ast.NullNode); null {
			out.nothing = true
			continue
		}
		text := c.text(entry{e.name, e.key, n})
		if text == "*" {
			out.any = true
		}
		out.texts = append(out.texts, text)
	}
	return out
}

// test reads true, false, or conditions.
func (c *compiler) test(e entry) test {
	if isBlock(e.value) {
		return test{all: c.conditions(e)}
	}
	return test{yes: c.flag(e)}
}

// split parts conditions on the record from those on an element of the group.
func (g *group) split(all []condition) (record, element []condition) {
	for _, c := range all {
		if g.has(c.place) {
			element = append(element, c)
		} else {
			record = append(record, c)
		}
	}
	return record, element
}

func (g *group) has(p *place) bool {
	var find func(n *node) bool
	find = func(n *node) bool {
		return &n.place == p || slices.ContainsFunc(n.keys, find) || slices.ContainsFunc(n.items, find)
	}
	return find(&g.element)
}
