package wire

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"

	"tapedeck/market"
)

// MessagePack is the encoding tapedeck.v1.msgpack: the fields of JSON, as maps with string keys.
var MessagePack Encoding = &encoding{packNotation{}, "tapedeck.v1.msgpack", true, decodePack}

type packNotation struct{}

var packKeys = encodeKeys(func(name string) string { return string(msgp.AppendString(nil, name)) })

// The first bytes of the kinds whose length stands in them, or is patched in behind them.
const (
	packFixMap  = 0x80 // up to 15 fields; hello and a ticker have 13
	packFixList = 0x90
	packFixText = 0xa0 // up to 31 bytes; the longest Decimal has 31
	packList32  = 0xdd
)

// Begin leaves room for any number of messages: two bytes more than the usual length needs.
func (packNotation) Begin(dst []byte) []byte { return append(dst, packList32, 0, 0, 0, 0) }
func (packNotation) Next(dst []byte) []byte  { return dst }

func (packNotation) End(dst []byte, begin, messages int) []byte {
	binary.BigEndian.PutUint32(dst[begin+1:], uint32(messages))
	return dst
}

func (packNotation) object(dst []byte) ([]byte, int) { return append(dst, packFixMap), len(dst) }

// key counts the field in the first byte of its map.
func (packNotation) key(dst []byte, at int, k key) []byte {
	dst[at]++
	return append(dst, packKeys[k]...)
}

func (packNotation) endObject(dst []byte) []byte { return dst }

func (packNotation) array(dst []byte, length int) []byte {
	return msgp.AppendArrayHeader(dst, uint32(length))
}
func (packNotation) item(dst []byte, _ int) []byte { return dst }
func (packNotation) endArray(dst []byte) []byte    { return dst }

func (packNotation) integer(dst []byte, v int64) []byte   { return msgp.AppendInt64(dst, v) }
func (packNotation) unsigned(dst []byte, v uint64) []byte { return msgp.AppendUint64(dst, v) }
func (packNotation) boolean(dst []byte, v bool) []byte    { return msgp.AppendBool(dst, v) }
func (packNotation) null(dst []byte) []byte               { return msgp.AppendNil(dst) }

func (packNotation) decimal(dst []byte, d market.Decimal) []byte {
	if !d.Set() {
		return msgp.AppendNil(dst)
	}
	at := len(dst)
	dst = d.Append(append(dst, packFixText))
	dst[at] |= byte(len(dst) - at - 1)
	return dst
}

func (n packNotation) levels(dst []byte, levels []market.Level) []byte {
	dst = msgp.AppendArrayHeader(dst, uint32(len(levels)))
	for i := range levels {
		l := &levels[i]
		dst = n.decimal(append(dst, packFixList|2), l.Price)
		if l.Qty.IsZero() {
			dst = append(dst, packFixText|1, '0')
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
	return msgp.AppendString(dst, s)
}

func (n packNotation) textBytes(dst, s []byte) []byte {
	if !utf8.Valid(s) {
		return n.text(dst, string(s))
	}
	return msgp.AppendStringFromBytes(dst, s)
}

func (n packNotation) id(dst []byte, id ID) []byte {
	v, text, isInt := id.value()
	if isInt {
		return msgp.AppendInt64(dst, v)
	}
	return n.text(dst, text)
}

// maxDepth is how deep a client's values may nest: commands, a command, its rooms, one of them and
// its since make 5, and the rest is for fields to come.
const maxDepth = 16

// decodePack reads one value into what decodeJSON would have made of it.
func decodePack(msg []byte) (any, error) {
	v, rest, err := packValue(msg, maxDepth)
	if err != nil {
		return nil, fmt.Errorf("not MessagePack: %w", err)
	}
	if len(rest) > 0 {
		return nil, errors.New("not MessagePack: there is more after the first value; several commands are sent as an array")
	}
	return v, nil
}

// other stands for a value of a kind that no field of a command has.
type other struct{}

// packValue reads the first value of b and returns the rest. It believes no length: memory grows
// only with the bytes that are there.
func packValue(b []byte, depth int) (v any, rest []byte, err error) {
	if depth == 0 {
		return nil, nil, errors.New("nested too deeply")
	}
	switch msgp.NextType(b) {
	case msgp.MapType:
		return packMap(b, depth)
	case msgp.ArrayType:
		return packArray(b, depth)
	case msgp.StrType:
		s, rest, err := msgp.ReadStringZC(b)
		return string([]rune(string(s))), rest, err
	case msgp.NilType:
		rest, err = msgp.ReadNilBytes(b)
		return nil, rest, err
	case msgp.BoolType:
		return unpack(msgp.ReadBoolBytes(b))
	case msgp.IntType:
		n, rest, err := msgp.ReadInt64Bytes(b)
		return json.Number(strconv.FormatInt(n, 10)), rest, err
	case msgp.UintType:
		n, rest, err := msgp.ReadUint64Bytes(b)
		return json.Number(strconv.FormatUint(n, 10)), rest, err
	case msgp.Float32Type:
		f, rest, err := msgp.ReadFloat32Bytes(b)
		return float(float64(f), 32), rest, err
	case msgp.Float64Type:
		f, rest, err := msgp.ReadFloat64Bytes(b)
		return float(f, 64), rest, err
	}
	rest, err = msgp.Skip(b)
	return other{}, rest, err
}

func unpack[T any](v T, rest []byte, err error) (any, []byte, error) { return v, rest, err }

func float(f float64, bits int) any {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return other{}
	}
	return json.Number(strconv.FormatFloat(f, 'g', -1, bits))
}

func packMap(b []byte, depth int) (any, []byte, error) {
	n, b, err := msgp.ReadMapHeaderBytes(b)
	m := map[string]any{}
	for ; n > 0 && err == nil; n-- {
		var name []byte
		if name, b, err = msgp.ReadStringZC(b); err != nil {
			break
		}
		m[string(name)], b, err = packValue(b, depth-1)
	}
	return m, b, err
}

func packArray(b []byte, depth int) (any, []byte, error) {
	n, b, err := msgp.ReadArrayHeaderBytes(b)
	list := []any{}
	for ; n > 0 && err == nil; n-- {
		var v any
		v, b, err = packValue(b, depth-1)
		list = append(list, v)
	}
	return list, b, err
}
