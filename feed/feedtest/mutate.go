package feedtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
)

// node is a JSON value whose fields have an order.
type node struct {
	text   string // of a scalar, as it is written
	open   byte   // '{' or '[' of the others
	fields []member
	items  []*node
}

type member struct {
	key   string
	value *node
}

func parse(t reporter, doc []byte) *node {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	n, err := next(dec)
	if err != nil {
		t.Fatalf("%s: %v", doc, err)
	}
	return n
}

func next(dec *json.Decoder) (*node, error) {
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	d, ok := tok.(json.Delim)
	if !ok {
		text, err := json.Marshal(tok)
		return &node{text: string(text)}, err
	}
	n := &node{open: byte(d)}
	for dec.More() {
		key := ""
		if n.open == '{' {
			tok, err := dec.Token()
			if err != nil {
				return nil, err
			}
			key = tok.(string)
		}
		value, err := next(dec)
		if err != nil {
			return nil, err
		}
		if n.open == '{' {
			n.fields = append(n.fields, member{key, value})
		} else {
			n.items = append(n.items, value)
		}
	}
	_, err = dec.Token()
	return n, err
}

// style is a way to write a document that leaves its meaning alone.
type style struct {
	space, escape bool
	shuffle       *rand.Rand // the order of fields
}

func (s *style) render(dst []byte, n *node) []byte {
	switch n.open {
	case 0:
		return append(dst, s.scalar(n.text)...)
	case '[':
		dst = s.gap(append(dst, '['))
		for i, item := range n.items {
			if i > 0 {
				dst = s.gap(append(dst, ','))
			}
			dst = s.gap(s.render(dst, item))
		}
		return append(dst, ']')
	}
	order := make([]int, len(n.fields))
	for i := range order {
		order[i] = i
	}
	if s.shuffle != nil {
		s.shuffle.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
	dst = s.gap(append(dst, '{'))
	for i, at := range order {
		if i > 0 {
			dst = s.gap(append(dst, ','))
		}
		key, _ := json.Marshal(n.fields[at].key)
		dst = s.gap(append(dst, s.scalar(string(key))...))
		dst = s.gap(append(dst, ':'))
		dst = s.gap(s.render(dst, n.fields[at].value))
	}
	return append(dst, '}')
}

func (s *style) gap(dst []byte) []byte {
	if s.space {
		return append(dst, " \t\r\n"...)
	}
	return dst
}

// scalar writes a text with each of its characters escaped.
func (s *style) scalar(text string) string {
	var plain string
	if !s.escape || text[0] != '"' || json.Unmarshal([]byte(text), &plain) != nil {
		return text
	}
	escaped := `"`
	for _, r := range plain {
		if r > 0xffff {
			return text
		}
		escaped += fmt.Sprintf(`\u%04x`, r)
	}
	return escaped + `"`
}

// each calls f with n and everything in it.
func (n *node) each(f func(*node)) {
	f(n)
	for _, m := range n.fields {
		m.value.each(f)
	}
	for _, item := range n.items {
		item.each(f)
	}
}

// others are values of every type, and numbers that are none or cannot be.
var others = []string{
	`null`, `true`, `false`, `0`, `-1`, `1.5`, `1e400`, `-0.00000001`, `1e-30`, `99999999999999999999999999999999`, `9007199254740993`,
	`""`, `"0"`, `"-1"`, `"-0"`, `"NaN"`, `"Infinity"`, `"1e400"`, `"x"`, `" "`, `"\u0000"`, `"é"`, `"*"`, `"a:b"`,
	`[]`, `[[]]`, `[["1"]]`, `[["-1","1"]]`, `[["1","-1"]]`, `[["0","1"]]`, `[null]`, `{}`, `{"a":1}`,
}

// changes calls f with the document in which one value is another, or is missing: for each of them.
func changes(tree *node, f func(*node)) {
	tree.each(func(n *node) {
		was := *n
		for _, text := range others {
			*n = node{text: text}
			f(tree)
			*n = was
		}
		for i := range was.fields {
			n.fields = append(append([]member{}, was.fields[:i]...), was.fields[i+1:]...)
			f(tree)
		}
		n.fields = was.fields
		for i := range was.items {
			n.items = append(append([]*node{}, was.items[:i]...), was.items[i+1:]...)
			f(tree)
		}
		n.items = was.items
	})
}

// doubles calls f with the document in which one field is there twice, with the same value and with
// another: for each field.
func doubles(tree *node, f func(*node)) {
	tree.each(func(n *node) {
		was := n.fields
		for _, m := range was {
			for _, second := range []*node{m.value, {text: `"7"`}, {text: `7`}, {text: `null`}} {
				n.fields = append(append([]member{}, was...), member{m.key, second})
				f(tree)
				n.fields = append([]member{{m.key, second}}, was...)
				f(tree)
			}
		}
		n.fields = was
	})
}
