package kafka

import "encoding/binary"

// encoder appends a request in Kafka's encoding. From a request's first flexible version on, its
// strings and arrays are compact and its structures end in tags.
type encoder struct {
	b        []byte
	flexible bool
}

func (e *encoder) int8(v int8)   { e.b = append(e.b, byte(v)) }
func (e *encoder) int16(v int16) { e.b = binary.BigEndian.AppendUint16(e.b, uint16(v)) }
func (e *encoder) int32(v int32) { e.b = binary.BigEndian.AppendUint32(e.b, uint32(v)) }
func (e *encoder) int64(v int64) { e.b = binary.BigEndian.AppendUint64(e.b, uint64(v)) }
func (e *encoder) uuid(v uuid)   { e.b = append(e.b, v[:]...) }

func (e *encoder) bool(v bool) {
	if v {
		e.int8(1)
	} else {
		e.int8(0)
	}
}

func (e *encoder) array(n int) {
	if e.flexible {
		e.b = binary.AppendUvarint(e.b, uint64(n)+1)
	} else {
		e.int32(int32(n))
	}
}

func (e *encoder) string(s string) {
	if e.flexible {
		e.b = binary.AppendUvarint(e.b, uint64(len(s))+1)
	} else {
		e.int16(int16(len(s)))
	}
	e.b = append(e.b, s...)
}

// tags ends a structure; we have nothing optional to say.
func (e *encoder) tags() {
	if e.flexible {
		e.b = append(e.b, 0)
	}
}

// decoder reads a response. What is not there reads as zero, and bad is set.
type decoder struct {
	b        []byte
	flexible bool
	bad      bool
}

// take returns the next n bytes, nil if there are fewer.
func (d *decoder) take(n int) []byte {
	if n < 0 || n > len(d.b) {
		d.b, d.bad = nil, true
		return nil
	}
	taken := d.b[:n:n]
	d.b = d.b[n:]
	return taken
}

func (d *decoder) int8() int8 {
	if b := d.take(1); b != nil {
		return int8(b[0])
	}
	return 0
}

func (d *decoder) int16() int16 {
	if b := d.take(2); b != nil {
		return int16(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (d *decoder) int32() int32 {
	if b := d.take(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (d *decoder) int64() int64 {
	if b := d.take(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

func (d *decoder) uuid() (v uuid) {
	copy(v[:], d.take(len(v)))
	return v
}

// varint reads a signed number as records have them.
func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.b, d.bad = nil, true
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) uvarint() int {
	v, n := binary.Uvarint(d.b)
	if n <= 0 || v > 1<<31 {
		d.b, d.bad = nil, true
		return 0
	}
	d.b = d.b[n:]
	return int(v)
}

// length reads how long a string (narrow), a byte sequence or an array is; -1 is null.
func (d *decoder) length(narrow bool) int {
	switch {
	case d.flexible:
		return d.uvarint() - 1
	case narrow:
		return int(d.int16())
	}
	return int(d.int32())
}

// array returns how many elements follow, each of at least one byte.
func (d *decoder) array() int {
	n := d.length(false)
	if n > len(d.b) {
		d.b, d.bad = nil, true
	}
	if d.bad || n < 0 {
		return 0
	}
	return n
}

func (d *decoder) string() string { return string(d.sequence(true)) }
func (d *decoder) bytes() []byte  { return d.sequence(false) }

func (d *decoder) sequence(narrow bool) []byte {
	n := d.length(narrow)
	if n < 0 || d.bad {
		return nil
	}
	return d.take(n)
}

// tags passes over what a newer broker may add.
func (d *decoder) tags() {
	if !d.flexible {
		return
	}
	for n := d.uvarint(); n > 0 && !d.bad; n-- {
		d.uvarint()
		d.take(d.uvarint())
	}
}
