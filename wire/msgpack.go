package wire

import (
	"encoding/binary"
	"math"
	"unicode/utf8"

	"tapedeck/market"
)

// MessagePack is the encoding tapedeck.v1.msgpack: the fields of JSON, as maps with string keys.
var MessagePack Encoding = &encoding{packNotation{}, "tapedeck.v1.msgpack", true, decodePack}

type packNotation struct{}

var packKeys = encodeKeys(func(name string) string { return string(appendPackText(nil, name)) })

// The first bytes of values, as far as we write them. Of the first four the low bits are a length.
const (
	packMap     = 0x80 // of up to 15 fields; hello and a ticker have 13
	packList    = 0x90 // of up to 15 values
	packText    = 0xa0 // of up to 31 bytes, which is what the longest Decimal has
	packNil     = 0xc0
	packFalse   = 0xc2
	packTrue    = 0xc3
	packUint8   = 0xcc
	packUint16  = 0xcd
	packUint32  = 0xce
	packUint64  = 0xcf
	packInt8    = 0xd0
	packInt16   = 0xd1
	packInt32   = 0xd2
	packInt64   = 0xd3
	packText8   = 0xd9
	packText16  = 0xda
	packText32  = 0xdb
	packList16  = 0xdc
	packList32  = 0xdd
	packMinimum = -32 // the least integer that is its own first byte
)

// Begin leaves room for any number of messages: two bytes more than the usual length needs.
func (packNotation) Begin(dst []byte) []byte { return append(dst, packList32, 0, 0, 0, 0) }
func (packNotation) Next(dst []byte) []byte  { return dst }

func (packNotation) End(dst []byte, begin, messages int) []byte {
	binary.BigEndian.PutUint32(dst[begin+1:], uint32(messages))
	return dst
}

func (packNotation) object(dst []byte) ([]byte, int) { return append(dst, packMap), len(dst) }

// key counts the field in the first byte of its map.
func (packNotation) key(dst []byte, at int, k key) []byte {
	dst[at]++
	return append(dst, packKeys[k]...)
}

func (packNotation) endObject(dst []byte) []byte { return dst }

func (packNotation) array(dst []byte, length int) []byte {
	switch {
	case length <= 15:
		return append(dst, packList|byte(length))
	case length <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, packList16), uint16(length))
	}
	return binary.BigEndian.AppendUint32(append(dst, packList32), uint32(length))
}

func (packNotation) item(dst []byte, _ int) []byte { return dst }
func (packNotation) endArray(dst []byte) []byte    { return dst }

func (packNotation) integer(dst []byte, v int64) []byte   { return appendPackInt(dst, v) }
func (packNotation) unsigned(dst []byte, v uint64) []byte { return appendPackUint(dst, v) }
func (packNotation) null(dst []byte) []byte               { return append(dst, packNil) }

func (packNotation) boolean(dst []byte, v bool) []byte {
	if v {
		return append(dst, packTrue)
	}
	return append(dst, packFalse)
}

func (packNotation) decimal(dst []byte, d market.Decimal) []byte {
	if !d.Set() {
		return append(dst, packNil)
	}
	at := len(dst)
	dst = d.Append(append(dst, packText))
	dst[at] |= byte(len(dst) - at - 1)
	return dst
}

func (n packNotation) levels(dst []byte, levels []market.Level) []byte {
	dst = n.array(dst, len(levels))
	for i := range levels {
		l := &levels[i]
		dst = n.decimal(append(dst, packList|2), l.Price)
		if l.Qty.IsZero() {
			dst = append(dst, packText|1, '0')
			continue
		}
		dst = n.decimal(dst, l.Qty)
	}
	return dst
}

func (packNotation) text(dst []byte, s string) []byte {
	if !utf8.ValidString(s) {
		s = string([]rune(s)) // what is not UTF-8 becomes U+FFFD, byte by byte
	}
	return appendPackText(dst, s)
}

func (n packNotation) textBytes(dst, s []byte) []byte {
	if !utf8.Valid(s) {
		return n.text(dst, string(s))
	}
	return appendPackText(dst, s)
}

func (n packNotation) id(dst []byte, id ID) []byte {
	v, text, isInt := id.value()
	if isInt {
		return appendPackInt(dst, v)
	}
	return n.text(dst, text)
}

// The functions below write a value in its shortest form.

func appendPackText[T string | []byte](dst []byte, s T) []byte {
	switch n := len(s); {
	case n <= 31:
		dst = append(dst, packText|byte(n))
	case n <= math.MaxUint8:
		dst = append(dst, packText8, byte(n))
	case n <= math.MaxUint16:
		dst = binary.BigEndian.AppendUint16(append(dst, packText16), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint32(append(dst, packText32), uint32(n))
	}
	return append(dst, s...)
}

func appendPackUint(dst []byte, v uint64) []byte {
	switch {
	case v <= math.MaxInt8:
		return append(dst, byte(v))
	case v <= math.MaxUint8:
		return append(dst, packUint8, byte(v))
	case v <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, packUint16), uint16(v))
	case v <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, packUint32), uint32(v))
	}
	return binary.BigEndian.AppendUint64(append(dst, packUint64), v)
}

func appendPackInt(dst []byte, v int64) []byte {
	switch {
	case v >= 0:
		return appendPackUint(dst, uint64(v))
	case v >= packMinimum:
		return append(dst, byte(v))
	case v >= math.MinInt8:
		return append(dst, packInt8, byte(v))
	case v >= math.MinInt16:
		return binary.BigEndian.AppendUint16(append(dst, packInt16), uint16(v))
	case v >= math.MinInt32:
		return binary.BigEndian.AppendUint32(append(dst, packInt32), uint32(v))
	}
	return binary.BigEndian.AppendUint64(append(dst, packInt64), uint64(v))
}
