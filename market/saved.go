package market

import (
	"encoding/binary"
	"errors"
)

// Saver appends values in the form in which checkpoints hold them: numbers as varints, a Decimal as it was written.
// There are no names and no types in it: whoever reads it knows what comes, and a version stands before all of it.
type Saver struct{ Out []byte }

// Uint appends a number.
func (s *Saver) Uint(v uint64) { s.Out = binary.AppendUvarint(s.Out, v) }

// Int appends a number that may be below 0.
func (s *Saver) Int(v int64) { s.Out = binary.AppendVarint(s.Out, v) }

// Count appends how many of something follow.
func (s *Saver) Count(n int) { s.Uint(uint64(n)) }

// Byte appends one byte.
func (s *Saver) Byte(b byte) { s.Out = append(s.Out, b) }

// Flags appends up to eight truths as one byte.
func (s *Saver) Flags(flags ...bool) {
	var b byte
	for i, f := range flags {
		if f {
			b |= 1 << i
		}
	}
	s.Byte(b)
}

// Text appends a text.
func (s *Saver) Text(t string) {
	s.Count(len(t))
	s.Out = append(s.Out, t...)
}

// Bytes appends a text that lies in bytes.
func (s *Saver) Bytes(t []byte) {
	s.Count(len(t))
	s.Out = append(s.Out, t...)
}

// Decimal appends a number with its decimals, or that it is absent.
func (s *Saver) Decimal(d Decimal) {
	s.Byte(d.scale<<3 | d.flags&(flagSet|flagNeg) | bit(d.hi != 0)<<2)
	if d.flags&flagSet == 0 {
		return
	}
	s.Uint(d.lo)
	if d.hi != 0 {
		s.Uint(uint64(d.hi))
	}
}

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// Sum appends a total.
func (s *Saver) Sum(t *Sum) {
	n := len(t.v)
	for n > 0 && t.v[n-1] == 0 {
		n--
	}
	s.Byte(t.scale<<1 | bit(t.Lost))
	s.Count(n)
	for _, w := range t.v[:n] {
		s.Uint(w)
	}
}

// Levels appends levels of a book.
func (s *Saver) Levels(levels []Level) {
	s.Count(len(levels))
	for i := range levels {
		s.Decimal(levels[i].Price)
		s.Decimal(levels[i].Qty)
	}
}

// Trade appends a trade.
func (s *Saver) Trade(t *Trade) {
	s.Decimal(t.Price)
	s.Decimal(t.Qty)
	s.Int(t.Time)
	s.Byte(byte(t.Side))
	s.Bytes(t.ID.Bytes())
}

// Symbol appends a symbol.
func (s *Saver) Symbol(sym *Symbol) {
	for _, t := range []string{sym.Venue, sym.Name, sym.Native, sym.Base, sym.Quote} {
		s.Text(t)
	}
	s.Byte(byte(sym.Kind))
}

// ErrSaved says that what was to be loaded was cut off, or is not what was saved.
var ErrSaved = errors.New("what was saved is cut off or damaged")

// Loader reads what a Saver wrote. After the first fault every method returns the zero value and Err tells it, so that
// callers look once, at the end. It never holds more memory than the data can fill.
type Loader struct {
	// Check finds a venue's checksum by its name; nil where it has none.
	Check func(name string) *Check

	data []byte
	err  error
}

// NewLoader reads data, which it does not change and of which it keeps nothing.
func NewLoader(data []byte) *Loader { return &Loader{data: data} }

// Err is the first fault.
func (l *Loader) Err() error { return l.err }

// End returns Err, or a fault if something is left.
func (l *Loader) End() error {
	if len(l.data) > 0 {
		l.Fail()
	}
	return l.err
}

// Fail says that what was read cannot be.
func (l *Loader) Fail() {
	l.data = nil
	if l.err == nil {
		l.err = ErrSaved
	}
}

// Hold fails unless a truth about what was read holds.
func (l *Loader) Hold(truth bool) {
	if !truth {
		l.Fail()
	}
}

// Uint reads a number.
func (l *Loader) Uint() uint64 {
	v, n := binary.Uvarint(l.data)
	if n <= 0 {
		l.Fail()
		return 0
	}
	l.data = l.data[n:]
	return v
}

// Int reads a number that may be below 0.
func (l *Loader) Int() int64 {
	v, n := binary.Varint(l.data)
	if n <= 0 {
		l.Fail()
		return 0
	}
	l.data = l.data[n:]
	return v
}

// Count reads how many of something follow: at most limit, each of which takes a byte at least.
func (l *Loader) Count(limit int) int {
	v := l.Uint()
	if v > uint64(limit) || v > uint64(len(l.data)) {
		l.Fail()
		return 0
	}
	return int(v)
}

// Byte reads one byte.
func (l *Loader) Byte() byte {
	if len(l.data) == 0 {
		l.Fail()
		return 0
	}
	b := l.data[0]
	l.data = l.data[1:]
	return b
}

// Flags reads truths.
func (l *Loader) Flags(flags ...*bool) {
	b := l.Byte()
	for i, f := range flags {
		*f = b&(1<<i) != 0
	}
}

// Bytes reads a text of at most limit bytes, which lies in the data.
func (l *Loader) Bytes(limit int) []byte {
	n := l.Count(limit)
	t := l.data[:n:n]
	l.data = l.data[n:]
	return t
}

// Text reads a text of at most limit bytes.
func (l *Loader) Text(limit int) string { return string(l.Bytes(limit)) }

// Decimal reads a number.
func (l *Loader) Decimal() Decimal {
	b := l.Byte()
	if b&flagSet == 0 {
		l.Hold(b == 0)
		return Decimal{}
	}
	d := Decimal{scale: b >> 3, flags: b & (flagSet | flagNeg), lo: l.Uint()}
	if b&(1<<2) != 0 {
		hi := l.Uint()
		l.Hold(hi <= maxHi)
		d.hi = uint32(hi)
	}
	l.Hold(d.scale <= MaxDigits && fits(d.wide()))
	if l.err != nil {
		return Decimal{}
	}
	return d
}

// Sum reads a total.
func (l *Loader) Sum() (t Sum) {
	b := l.Byte()
	t.scale, t.Lost = b>>1, b&1 != 0
	for i := range l.Count(len(t.v)) {
		t.v[i] = l.Uint()
	}
	l.Hold(t.scale <= 2*MaxDigits)
	if l.err != nil {
		return Sum{}
	}
	return t
}

// Levels appends levels to dst, at most limit.
func (l *Loader) Levels(dst []Level, limit int) []Level {
	for range l.Count(limit) {
		dst = append(dst, Level{l.Decimal(), l.Decimal()})
	}
	return dst
}

// Trade reads a trade.
func (l *Loader) Trade() (t Trade) {
	t.Price, t.Qty, t.Time, t.Side = l.Decimal(), l.Decimal(), l.Int(), Side(l.Byte())
	t.ID, _ = MakeID(l.Bytes(MaxID))
	l.Hold(t.Side <= Sell && t.Price.Set() && t.Qty.Set() && !t.Qty.Neg())
	return t
}

// maxName bounds each name of a symbol: a room's name is shorter.
const maxName = 1 << 10

// Symbol reads a symbol.
func (l *Loader) Symbol() (s Symbol) {
	for _, t := range []*string{&s.Venue, &s.Name, &s.Native, &s.Base, &s.Quote} {
		*t = l.Text(maxName)
	}
	s.Kind = Kind(l.Byte())
	l.Hold(s.Kind <= Option)
	return s
}

// Save appends the clock.
func (c *Clock) Save(s *Saver) {
	s.Int(c.now)
	s.Int(c.leap)
}

// Load reads a clock.
func (c *Clock) Load(l *Loader) { c.now, c.leap = l.Int(), l.Int() }
