package wire

import "tapedeck/market"

// notation is how an encoding writes the few kinds of value that messages are made of. What the
// messages say is written once, on top of it, in append.go and body.go.
//
// An object is opened by object, which returns where it begins; its fields are keys, each followed
// by a value. An array is opened with its length, and item comes before each of its values.
type notation interface {
	Begin(dst []byte) []byte
	Next(dst []byte) []byte
	End(dst []byte, begin, messages int) []byte

	object(dst []byte) (_ []byte, at int)
	key(dst []byte, at int, k key) []byte
	endObject(dst []byte) []byte

	array(dst []byte, length int) []byte
	item(dst []byte, i int) []byte
	endArray(dst []byte) []byte

	text(dst []byte, s string) []byte            // any string: what is not UTF-8 is replaced
	textBytes(dst, s []byte) []byte              // the same
	id(dst []byte, id ID) []byte                 // a command's id as the client sent it
	integer(dst []byte, v int64) []byte          //
	unsigned(dst []byte, v uint64) []byte        //
	boolean(dst []byte, v bool) []byte           //
	null(dst []byte) []byte                      //
	decimal(dst []byte, d market.Decimal) []byte // a string; null where absent
	// levels writes an array of [price, quantity] at once: a book is most of what is ever sent.
	levels(dst []byte, levels []market.Level) []byte
}

// encoding makes an Encoding of a notation and a parser of its values.
type encoding struct {
	notation
	name   string
	binary bool
	decode func(msg []byte) (any, error)
}

func (e *encoding) Name() string { return e.name }
func (e *encoding) Binary() bool { return e.binary }
