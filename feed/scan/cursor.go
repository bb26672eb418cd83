// Package scan reads JSON where it lies, for decoders: one pass over the record, no copy, no tree,
// nothing allocated. A Cursor walks the document; each value is either entered (an object, an array)
// or taken whole as a Value, and all of it is checked on the way, so that what is not JSON is
// never half believed.
//
//	c := scan.Over(record)
//	c.Object()
//	for key, ok := c.Key(); ok; key, ok = c.Key() {
//		switch string(key) {
//		case "p":
//			price, ok = c.Decimal(c.Value())
//		default:
//			c.Value()
//		}
//	}
//	if !c.End() { … }
//
// A document is accepted exactly when encoding/json's Valid accepts it, but for one that nests
// deeper than MaxDepth, which is refused.
package scan

import (
	"encoding/binary"
	"math/bits"
)

// MaxDepth is how deep a Value may nest. Messages of venues need 4.
const MaxDepth = 64

// Kind is what sort of value a Value is.
type Kind uint8

// The kinds. The zero value is no value at all: none was there, or the document is malformed.
const (
	None Kind = iota
	Null
	False
	True
	Number
	String
	Array
	Object
)

// Value says where in a Cursor's document a value lies, and of which kind it is. It holds no memory
// of the document; the Cursor's methods tell its content.
type Value struct {
	Kind    Kind
	escaped bool   // a string with a backslash in it
	from    uint32 // of a string: behind its first quote
	to      uint32 // of a string: its last quote
}

// MaxDocument is the longest document, in bytes; a longer is malformed.
const MaxDocument = 1<<31 - 1

// Cursor is a place in a document. Once the document turns out to be malformed the cursor stands at
// its end: loops end, values are None, and End reports false.
type Cursor struct {
	doc   []byte
	at    int
	depth int
	first bool // nothing was read yet of the object or array that the cursor is in
	bad   bool
	key   [32]byte
}

// Over returns a cursor before the document's value. The document must not change while it is read.
func Over(doc []byte) Cursor {
	c := Cursor{doc: doc}
	if len(doc) > MaxDocument {
		c.fail()
	}
	return c
}

// End reports whether the document was well formed and nothing is left of it but white space.
func (c *Cursor) End() bool {
	c.space()
	return !c.bad && c.at == len(c.doc)
}

// fail leaves the cursor at the end of a malformed document.
func (c *Cursor) fail() {
	c.at, c.bad = len(c.doc), true
}

func (c *Cursor) space() {
	for c.at < len(c.doc) && c.doc[c.at] <= ' ' {
		switch c.doc[c.at] {
		case ' ', '\t', '\n', '\r':
			c.at++
		default:
			c.fail()
		}
	}
}

// next skips white space and returns the byte after it, without taking it; 0 at the end.
func (c *Cursor) next() byte {
	if c.at < len(c.doc) && c.doc[c.at] > ' ' {
		return c.doc[c.at]
	}
	c.space()
	if c.at < len(c.doc) {
		return c.doc[c.at]
	}
	return 0
}

// At reports whether the next value begins with b: '[' for an array, '{' for an object.
func (c *Cursor) At(b byte) bool { return c.next() == b }

// Object enters the next value if it is an object; if not, nothing is taken.
func (c *Cursor) Object() bool { return c.enter('{') }

// Array enters the next value if it is an array; if not, nothing is taken.
func (c *Cursor) Array() bool { return c.enter('[') }

func (c *Cursor) enter(open byte) bool {
	if c.next() != open {
		return false
	}
	c.at++
	c.first = true
	return true
}

// Key goes on to the next field of the object that the cursor is in and returns its key; false at
// the object's end, which is then behind the cursor. The key is valid until the next call.
func (c *Cursor) Key() ([]byte, bool) {
	// Nearly every key has no white space around, and no escapes: ,"price":
	d, at := c.doc, c.at
	if !c.first && at < len(d) && d[at] == ',' {
		at++
	}
	if (c.first || at > c.at) && at < len(d) && d[at] == '"' {
		from := at + 1
		if from+2 < len(d) && d[from+1] == '"' && d[from+2] == ':' && isLetter(d[from]) { // most keys are one letter
			c.at, c.first = from+3, false
			return d[from : from+1], true
		}
		if at = plain(d, from); at+1 < len(d) && d[at] == '"' && d[at+1] == ':' {
			c.at, c.first = at+2, false
			return d[from:at], true
		}
	}
	return c.anyKey()
}

// anyKey does what Key does, however it is written.
func (c *Cursor) anyKey() ([]byte, bool) {
	if !c.step('}') {
		return nil, false
	}
	if c.next() != '"' {
		c.fail()
		return nil, false
	}
	v := c.string()
	if c.next() != ':' {
		c.fail()
		return nil, false
	}
	c.at++
	if v.escaped {
		return c.Text(v, c.key[:0]), true
	}
	return c.doc[v.from:v.to], true
}

func isLetter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' }

// More goes on to the next element of the array that the cursor is in; false at the array's end, which
// is then behind the cursor.
func (c *Cursor) More() bool { return c.step(']') }

// step passes the comma before the next member, or the end of what the cursor is in.
func (c *Cursor) step(end byte) bool {
	b, first := c.next(), c.first
	c.first = false
	switch {
	case b == end:
		c.at++
		return false
	case first && b != 0:
		return true
	case b == ',':
		c.at++
		if c.next() != end { // a comma at the end
			return true
		}
	}
	c.fail()
	return false
}

// Value takes the next value whole.
func (c *Cursor) Value() Value {
	switch b := c.next(); {
	case b == '"':
		return c.string()
	case b == '-' || b-'0' <= 9:
		return c.number()
	case b == '{' || b == '[':
		return c.nested()
	case b == 't':
		return c.word("true", True)
	case b == 'f':
		return c.word("false", False)
	case b == 'n':
		return c.word("null", Null)
	}
	c.fail()
	return Value{}
}

func (c *Cursor) word(text string, k Kind) Value {
	end := c.at + len(text)
	if end > len(c.doc) || string(c.doc[c.at:end]) != text {
		c.fail()
		return Value{}
	}
	v := Value{Kind: k, from: uint32(c.at), to: uint32(end)}
	c.at = end
	return v
}

// string takes a string, at whose first quote the cursor stands.
func (c *Cursor) string() Value {
	v := Value{Kind: String, from: uint32(c.at + 1)}
	i := c.at + 1
	for {
		i = plain(c.doc, i)
		if i >= len(c.doc) || c.doc[i] < ' ' {
			c.fail()
			return Value{}
		}
		if c.doc[i] == '"' {
			v.to = uint32(i)
			c.at = i + 1
			return v
		}
		v.escaped = true
		n := escape(c.doc[i:])
		if n == 0 {
			c.fail()
			return Value{}
		}
		i += n
	}
}

const (
	eachByte = 0x0101010101010101
	highBits = 0x80 * eachByte
)

// plain returns where in doc, from i on, the first quote, backslash or control character is; eight
// bytes at a time.
func plain(doc []byte, i int) int {
	for ; i+8 <= len(doc); i += 8 {
		w := binary.LittleEndian.Uint64(doc[i:])
		quote, slash := w^'"'*eachByte, w^'\\'*eachByte
		// In each of the three the lowest byte that is marked is one that is meant; higher ones may
		// be marked by a borrow.
		found := ((quote-eachByte)&^quote | (slash-eachByte)&^slash | (w-' '*eachByte)&^w) & highBits
		if found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for ; i < len(doc); i++ {
		if b := doc[i]; b == '"' || b == '\\' || b < ' ' {
			break
		}
	}
	return i
}

// escape returns the length of the escape sequence that s begins with; 0 if it is none.
func escape(s []byte) int {
	if len(s) < 2 {
		return 0
	}
	switch s[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if _, ok := unit(s); ok {
			return 6
		}
	}
	return 0
}

// number takes a number.
func (c *Cursor) number() Value {
	v := Value{Kind: Number, from: uint32(c.at)}
	d, i := c.doc, c.at
	if d[i] == '-' {
		i++
	}
	whole := i
	i = digits(d, i)
	ok := i > whole && (d[whole] != '0' || i == whole+1)
	if i < len(d) && d[i] == '.' {
		part := i + 1
		i = digits(d, part)
		ok = ok && i > part
	}
	if i < len(d) && d[i]|0x20 == 'e' {
		i++
		if i < len(d) && (d[i] == '+' || d[i] == '-') {
			i++
		}
		exp := i
		i = digits(d, exp)
		ok = ok && i > exp
	}
	if !ok {
		c.fail()
		return Value{}
	}
	v.to = uint32(i)
	c.at = i
	return v
}

// digits returns where in d, from i on, the first byte is that is no digit; eight bytes at a time.
func digits(d []byte, i int) int {
	for ; i+8 <= len(d); i += 8 {
		x := binary.LittleEndian.Uint64(d[i:]) ^ '0'*eachByte // digits become their values
		if more := (x&(0x7f*eachByte) + (0x80-10)*eachByte | x) & highBits; more != 0 {
			return i + bits.TrailingZeros64(more)/8
		}
	}
	for i < len(d) && d[i]-'0' <= 9 {
		i++
	}
	return i
}

// nested takes an object or an array whole.
func (c *Cursor) nested() Value {
	v := Value{Kind: Array, from: uint32(c.at)}
	if c.depth++; c.depth > MaxDepth {
		c.fail()
		return Value{}
	}
	if c.Object() {
		v.Kind = Object
		for _, ok := c.Key(); ok; _, ok = c.Key() {
			c.Value()
		}
	} else {
		for c.enter('['); c.More(); {
			c.Value()
		}
	}
	c.depth--
	if c.bad {
		return Value{}
	}
	v.to = uint32(c.at)
	return v
}
