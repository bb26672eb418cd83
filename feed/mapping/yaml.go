package mapping

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// Error is a mistake in the text of a mapping.
type Error struct {
	Line, Column int
	Text         string
	Word         string   // a word that is not known; "" where it is another mistake
	Known        []string // what it could have been
}

func (e *Error) Error() string {
	text := fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Text)
	if e.Word != "" {
		text += ": there are " + strings.Join(e.Known, " ")
	}
	return text
}

// compiler reads the text of mappings. The first mistake is kept, and what is read after it is of no account.
type compiler struct {
	err *Error
	program
	group *group // whose paths are read
}

// entry is one key of a section, and its value.
type entry struct {
	name  string
	key   *token.Token
	value ast.Node
}

// section is a set of keys of which all are known.
type section struct {
	c       *compiler
	at      *token.Token
	what    string
	entries []entry
}

func (c *compiler) fail(at *token.Token, format string, args ...any) {
	c.unknown(at, "", nil, format, args...)
}

func (c *compiler) unknown(at *token.Token, word string, known []string, format string, args ...any) {
	if c.err != nil {
		return
	}
	c.err = &Error{Text: fmt.Sprintf(format, args...), Word: word, Known: known}
	if at != nil && at.Position != nil {
		c.err.Line, c.err.Column = at.Position.Line, at.Position.Column
	}
}

// at is where a value begins: a block of keys, at its first key.
func at(n ast.Node) *token.Token {
	switch n := n.(type) {
	case nil:
		return nil
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return n.Values[0].Key.GetToken()
		}
	case *ast.MappingValueNode:
		return n.Key.GetToken()
	}
	return n.GetToken()
}

// entries returns the keys and values of a block, in order.
func (c *compiler) entries(n ast.Node, what string) (list []entry) {
	m, ok := n.(ast.MapNode)
	if !ok {
		c.fail(at(n), "%s must be a block of keys and values", what)
		return nil
	}
	for it := m.MapRange(); it.Next(); {
		key, isText := it.Key().(ast.ScalarNode)
		if !isText {
			c.fail(it.Key().GetToken(), "a key of %s must be a plain word or number; what is anchored or merged is to be written out", what)
			return list
		}
		list = append(list, entry{scalar(key), it.Key().GetToken(), it.Value()})
	}
	if len(list) == 0 {
		c.fail(at(n), "%s is empty", what)
	}
	return list
}

// section reads a block whose keys must be known.
func (c *compiler) section(e entry, what string, known ...string) *section {
	s := &section{c: c, at: cmp.Or(e.key, at(e.value)), what: what, entries: c.entries(e.value, what)}
	for _, e := range s.entries {
		if !slices.Contains(known, e.name) {
			c.unknown(e.key, e.name, known, "%s has no key %s", what, e.name)
		}
	}
	return s
}

// get returns an entry; its value is nil where there is none.
func (s *section) get(key string) entry {
	for _, e := range s.entries {
		if e.name == key {
			return e
		}
	}
	return entry{name: key, key: s.at}
}

func (s *section) has(key string) bool { return s.get(key).value != nil }

// must returns an entry that has to be there.
func (s *section) must(key string) entry {
	e := s.get(key)
	if e.value == nil {
		s.c.fail(s.at, "%s needs %s", s.what, key)
	}
	return e
}

// isBlock reports whether a value is a block of keys.
func isBlock(n ast.Node) bool {
	_, ok := n.(ast.MapNode)
	return ok
}

// items returns a list's values; a value that is no list is a list of one.
func items(n ast.Node) []ast.Node {
	if list, ok := n.(*ast.SequenceNode); ok {
		return list.Values
	}
	return []ast.Node{n}
}

// text returns a plain value as text.
func (c *compiler) text(e entry) string {
	switch n := e.value.(type) {
	case nil:
		return "" // must has said so
	case *ast.NullNode:
		c.fail(e.key, "%s has no value: give it one, or leave the line out", e.name)
	case *ast.StringNode, *ast.LiteralNode, *ast.BoolNode, *ast.IntegerNode, *ast.FloatNode:
		if text := scalar(n); text != "" {
			return text
		}
		c.fail(at(n), "%s is empty", e.name)
	default:
		c.fail(at(n), "%s must be one plain value", e.name)
	}
	return ""
}

// word returns a value that is one of several.
func (c *compiler) word(e entry, known ...string) string {
	w := c.text(e)
	if c.err == nil && !slices.Contains(known, w) {
		c.unknown(at(e.value), w, known, "%s cannot be %s", e.name, w)
	}
	return w
}

// flag returns true or false; false where there is none.
func (c *compiler) flag(e entry) bool {
	b, ok := e.value.(*ast.BoolNode)
	if e.value != nil && !ok {
		c.fail(at(e.value), "%s must be true or false", e.name)
	}
	return ok && b.Value
}

// number returns a whole number.
func (c *compiler) number(e entry, least, most int) int {
	n, err := strconv.Atoi(c.text(e))
	if c.err == nil && (err != nil || n < least || n > most) {
		c.fail(at(e.value), "%s must be a whole number of %d to %d", e.name, least, most)
	}
	return n
}

// scalar is a plain value's text.
func scalar(n ast.Node) string {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value
	case *ast.LiteralNode:
		return n.Value.Value
	}
	return n.GetToken().Value
}

// canonical appends a text that is the same for values that mean the same: comments, the order of keys, quotes and
// layout do not count.
func canonical(dst []byte, n ast.Node) []byte {
	sized := func(dst []byte, kind byte, n int) []byte {
		return binary.BigEndian.AppendUint32(append(dst, kind), uint32(n))
	}
	switch n := n.(type) {
	case nil:
		return sized(dst, 'n', 0)
	case ast.MapNode:
		var parts []string
		for it := n.MapRange(); it.Next(); {
			parts = append(parts, string(canonical(canonical(nil, it.Key()), it.Value())))
		}
		slices.Sort(parts)
		dst = sized(dst, 'm', len(parts))
		for _, p := range parts {
			dst = append(dst, p...)
		}
		return dst
	case *ast.SequenceNode:
		dst = sized(dst, 'l', len(n.Values))
		for _, v := range n.Values {
			dst = canonical(dst, v)
		}
		return dst
	case *ast.NullNode:
		return sized(dst, 'n', 0)
	case *ast.IntegerNode: // in CSV 3 is a column's place and "3" its name
		text := scalar(n)
		return append(sized(dst, 'i', len(text)), text...)
	default:
		text := scalar(n)
		return append(sized(dst, 't', len(text)), text...)
	}
}
