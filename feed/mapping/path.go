package mapping

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// place is where in a record something is: behind a path, in a column, in the record's key or in a header.
type place struct {
	cell int    // of the decoder, where it is noted
	name string // as the mapping writes it
}

// step is one step of a path: into a field, or to an element.
type step struct {
	key     string
	index   int
	element bool
}

// The limits of paths: what is reasonable, and then some.
const (
	maxSteps = 16
	maxIndex = 4095
)

// place finds, or makes, the place that an entry names; nil where there is no entry.
func (c *compiler) place(e entry) *place {
	if e.value == nil {
		return nil
	}
	text := c.text(e)
	if c.err != nil {
		return nil
	}
	if strings.HasPrefix(text, "@") {
		return c.beside(e, text)
	}
	_, number := e.value.(*ast.IntegerNode)
	if c.csv != nil {
		return c.column(e, text, number)
	}
	if number {
		c.fail(at(e.value), "%s: %s is not a path: an element is [%[2]s], a key of digits [\"%[2]s\"]", e.name, text)
		return nil
	}
	n := c.path(e, text)
	if n == nil {
		return nil
	}
	n.asked = true
	return &n.place
}

// path finds, or makes, the node behind a path: from the record where it begins with $ or there are no elements, else
// from the element.
func (c *compiler) path(e entry, text string) *node {
	rooted, steps, err := parsePath(text)
	if err != nil {
		c.fail(at(e.value), "%s: %q is not a path such as data.price, bids[0] or [\"odd key\"]: %v", e.name, text, err)
		return nil
	}
	n := &c.root
	if !rooted && c.group != nil {
		n = &c.group.element
	}
	for _, s := range steps {
		n = n.child(s)
	}
	if n.name == "" {
		n.name = text
	}
	return n
}

// beside is a place outside the record's value.
func (c *compiler) beside(e entry, text string) *place {
	header, isHeader := strings.CutPrefix(text, "@header.")
	if text != "@key" && (!isHeader || header == "") {
		c.fail(at(e.value), "%s: %q is neither @key nor @header.NAME", e.name, text)
		return nil
	}
	for _, o := range c.outside {
		if o.name == text {
			return &o.place
		}
	}
	o := &outside{place: place{name: text}}
	if isHeader {
		o.header = header
	}
	c.outside = append(c.outside, o)
	return &o.place
}

// parsePath takes a path apart.
func parsePath(text string) (rooted bool, steps []step, err error) {
	rest, rooted := strings.CutPrefix(text, "$")
	if rooted && strings.HasPrefix(rest, ".") {
		rest = rest[1:]
		if rest == "" || rest[0] == '[' {
			return rooted, nil, fmt.Errorf("nothing follows the point")
		}
	} else if rooted && rest != "" && rest[0] != '[' {
		return rooted, nil, fmt.Errorf("behind $ comes a point")
	}
	for rest != "" {
		var s step
		if s, rest, err = cutStep(rest); err != nil {
			return rooted, nil, err
		}
		if steps = append(steps, s); len(steps) > maxSteps {
			return rooted, nil, fmt.Errorf("it has over %d steps", maxSteps)
		}
		if strings.HasPrefix(rest, ".") {
			if rest = rest[1:]; rest == "" || rest[0] == '[' {
				return rooted, nil, fmt.Errorf("nothing follows the point")
			}
		} else if rest != "" && rest[0] != '[' {
			return rooted, nil, fmt.Errorf("behind ] comes a point or [")
		}
	}
	if !rooted && len(steps) == 0 {
		return false, nil, fmt.Errorf("it is empty")
	}
	return rooted, steps, nil
}

// cutStep takes a path's first step off.
func cutStep(path string) (s step, rest string, err error) {
	if path[0] != '[' {
		end := strings.IndexAny(path, ".[")
		if end < 0 {
			end = len(path)
		}
		if s.key = path[:end]; s.key == "" || strings.ContainsAny(s.key, "]$\"'") || strings.TrimSpace(s.key) != s.key {
			return s, "", fmt.Errorf("%q is no key", s.key)
		}
		return s, path[end:], nil
	}
	if len(path) > 1 && (path[1] == '"' || path[1] == '\'') {
		end := strings.Index(path[2:], path[1:2]+"]")
		if end < 0 {
			return s, "", fmt.Errorf("%s] is missing", path[1:2])
		}
		s.key = path[2 : 2+end]
		return s, path[2+end+2:], nil
	}
	number, rest, closed := strings.Cut(path[1:], "]")
	s.element = true
	s.index, err = strconv.Atoi(number)
	if !closed || err != nil || s.index < 0 || s.index > maxIndex {
		return s, "", fmt.Errorf("in [ ] stands an element's number, from 0 to %d, or a key in quotes", maxIndex)
	}
	return s, rest, nil
}
