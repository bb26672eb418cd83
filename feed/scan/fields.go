package scan

import "tapedeck/market"

// Fault is what is wrong with a field.
type Fault uint8

// The faults.
const (
	Sound   Fault = iota
	Twice         // it is there twice: which one counts cannot be known
	Missing       // it must be there
	Wrong         // its value is of a wrong kind, or out of range
)

// Fields are the fields of a message: noted as they come, in any order, with the place of their value,
// and read once it is known what the message is. A decoder gives each field that it knows a slot,
// a number below 128: for keys of one letter that letter serves.
//
// Reading a field that is not what it must be gives a zero and notes the fault. The first one is kept:
// a decoder reads all that it needs, and asks once at the end.
type Fields struct {
	Cursor Cursor
	seen   [2]uint64
	values [128]Value
	text   [64]byte
	fault  Fault
	where  byte
}

// Open begins a document. It must not change before Close.
func (f *Fields) Open(doc []byte) {
	f.Cursor = Over(doc)
	f.fault = Sound
	f.Clear()
}

// Close lets go of the document, and reports whether it was well formed and has been read to its end.
func (f *Fields) Close() bool {
	whole := f.Cursor.End()
	f.Cursor = Cursor{}
	return whole
}

// Clear forgets the fields of the message before, but not its fault.
func (f *Fields) Clear() { f.seen = [2]uint64{} }

// Fault returns the first fault, and the slot that it is in.
func (f *Fields) Fault() (Fault, byte) { return f.fault, f.where }

// Fail notes a fault.
func (f *Fields) Fail(slot byte, fault Fault) {
	if f.fault == Sound {
		f.fault, f.where = fault, slot
	}
}

// Take notes the cursor's next value as a field's.
func (f *Fields) Take(slot byte) { f.Note(slot, f.Cursor.Value()) }

// Note notes a value as a field's.
func (f *Fields) Note(slot byte, v Value) {
	if f.Has(slot) {
		f.Fail(slot, Twice)
	}
	f.seen[slot>>6] |= 1 << (slot & 63)
	f.values[slot] = v
}

// Has reports whether a field is there.
func (f *Fields) Has(slot byte) bool { return f.seen[slot>>6]>>(slot&63)&1 != 0 }

// Any reports whether any field is there.
func (f *Fields) Any() bool { return f.seen[0]|f.seen[1] != 0 }

// Value returns a field that must be there.
func (f *Fields) Value(slot byte) Value {
	if !f.Has(slot) {
		f.Fail(slot, Missing)
		return Value{}
	}
	return f.values[slot]
}

// Kind returns of which kind a field is; None if it is not there.
func (f *Fields) Kind(slot byte) Kind {
	if !f.Has(slot) {
		return None
	}
	return f.values[slot].Kind
}

// Word returns a text that is not empty, until the next call; nil after a fault.
func (f *Fields) Word(slot byte) []byte {
	v := f.Value(slot)
	if v.Kind != String || v.from == v.to {
		f.Fail(slot, Wrong)
		return nil
	}
	return f.Cursor.Text(v, f.text[:0])
}

// Empty reports whether a field is not there, null, or an empty text.
func (f *Fields) Empty(slot byte) bool {
	switch k := f.Kind(slot); k {
	case None, Null:
		return true
	default:
		return k == String && f.values[slot].from == f.values[slot].to
	}
}

// Number returns a number of either sign, from a number or a text.
func (f *Fields) Number(slot byte) market.Decimal {
	d, ok := f.Cursor.Decimal(f.Value(slot))
	if !ok {
		f.Fail(slot, Wrong)
	}
	return d
}

// Size returns a number that is not negative.
func (f *Fields) Size(slot byte) market.Decimal {
	d := f.Number(slot)
	if d.Neg() {
		f.Fail(slot, Wrong)
	}
	return d
}

// Price returns a number above 0.
func (f *Fields) Price(slot byte) market.Decimal {
	d := f.Number(slot)
	if d.Neg() || d.IsZero() {
		f.Fail(slot, Wrong)
	}
	return d
}

// Int returns a whole number.
func (f *Fields) Int(slot byte) int64 {
	n, ok := f.Cursor.Int(f.Value(slot))
	if !ok {
		f.Fail(slot, Wrong)
	}
	return n
}

// Whole returns a whole number of either sign, from a number or a text.
func (f *Fields) Whole(slot byte) int64 {
	n, ok := f.Number(slot).Int64()
	if !ok {
		f.Fail(slot, Wrong)
	}
	return n
}

// ID returns a whole number that is not negative.
func (f *Fields) ID(slot byte) int64 {
	n := f.Int(slot)
	if n < 0 {
		f.Fail(slot, Wrong)
	}
	return n
}

// MaxCount is the largest count: no integer over it is told to clients, of whom many read all numbers
// into 64-bit floats.
const MaxCount = 1 << 53

// Count returns a whole number of 0 to MaxCount: a count, or a time in µs.
func (f *Fields) Count(slot byte) int64 {
	n := f.Int(slot)
	if n < 0 || n > MaxCount {
		f.Fail(slot, Wrong)
	}
	return n
}

// Step returns the least step of a number that has so many decimals as a field says, as a number or a text.
func (f *Fields) Step(slot byte) market.Decimal {
	n := f.Whole(slot)
	if n < 0 || n > market.MaxDigits {
		f.Fail(slot, Wrong)
		return market.Decimal{}
	}
	return market.New(1, uint8(n))
}

// Flag returns true or false.
func (f *Fields) Flag(slot byte) bool {
	k := f.Value(slot).Kind
	if k != True && k != False {
		f.Fail(slot, Wrong)
	}
	return k == True
}

// Put gives a ticker a field that is not negative, if it is there and not empty.
func (f *Fields) Put(t *market.Ticker, field market.Field, slot byte) {
	if !f.Empty(slot) {
		t.Put(field, f.Size(slot))
	}
}

// Order returns one side of a quote, whose two fields must be there: nothing where it has no order, which is written as
// null, empty texts or zeros.
func (f *Fields) Order(price, qty byte) (p, q market.Decimal) {
	if f.Has(price) && f.Has(qty) && f.Empty(price) && f.Empty(qty) {
		return p, q
	}
	if p, q = f.Size(price), f.Size(qty); p.IsZero() || q.IsZero() {
		return market.Decimal{}, market.Decimal{}
	}
	return p, q
}
