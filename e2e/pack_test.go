package e2e_test

import (
	"encoding/binary"
	"fmt"
	"testing"
)

// A MessagePack of the tests' own, so that the server's is held against the format and not against itself.

// packOf encodes maps, lists, texts and integers.
func packOf(v any) []byte { return appendPack(nil, v) }

func appendPack(dst []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, 0xc0)
	case bool:
		if v {
			return append(dst, 0xc3)
		}
		return append(dst, 0xc2)
	case int:
		return binary.BigEndian.AppendUint64(append(dst, 0xd3), uint64(v))
	case uint64:
		return binary.BigEndian.AppendUint64(append(dst, 0xcf), v)
	case string:
		dst = binary.BigEndian.AppendUint16(append(dst, 0xda), uint16(len(v)))
		return append(dst, v...)
	case []any:
		dst = binary.BigEndian.AppendUint16(append(dst, 0xdc), uint16(len(v)))
		for _, item := range v {
			dst = appendPack(dst, item)
		}
		return dst
	case map[string]any:
		dst = binary.BigEndian.AppendUint16(append(dst, 0xde), uint16(len(v)))
		for key, item := range v {
			dst = appendPack(appendPack(dst, key), item)
		}
		return dst
	}
	panic(fmt.Sprintf("cannot pack a %T", v))
}

// jsonOf decodes one value and writes it as JSON. What is no MessagePack becomes a JSON text that says so,
// which is no frame.
func jsonOf(p []byte) (text []byte) {
	defer func() {
		if e := recover(); e != nil {
			text = mustJSON(fmt.Sprintf("not MessagePack: %v: % x", e, p[:min(len(p), 100)]))
		}
	}()
	u := unpacker{p}
	v := u.value()
	if len(u.rest) > 0 {
		panic("bytes behind the value")
	}
	return mustJSON(v)
}

type unpacker struct{ rest []byte }

func (u *unpacker) take(n int) []byte {
	p := u.rest[:n]
	u.rest = u.rest[n:]
	return p
}

func (u *unpacker) uint(n int) (v uint64) {
	for _, b := range u.take(n) {
		v = v<<8 | uint64(b)
	}
	return v
}

func (u *unpacker) value() any {
	switch b := u.take(1)[0]; {
	case b < 0x80:
		return uint64(b)
	case b < 0x90:
		return u.object(int(b & 0xf))
	case b < 0xa0:
		return u.list(int(b & 0xf))
	case b < 0xc0:
		return string(u.take(int(b & 0x1f)))
	case b == 0xc0:
		return nil
	case b == 0xc2 || b == 0xc3:
		return b == 0xc3
	case b >= 0xcc && b <= 0xcf:
		return u.uint(1 << (b - 0xcc))
	case b >= 0xd0 && b <= 0xd3:
		n := 1 << (b - 0xd0)
		shift := 64 - 8*n
		return int64(u.uint(n)<<shift) >> shift
	case b >= 0xd9 && b <= 0xdb:
		return string(u.take(int(u.uint(1 << (b - 0xd9)))))
	case b == 0xdc || b == 0xdd:
		return u.list(int(u.uint(2 << (b - 0xdc))))
	case b == 0xde || b == 0xdf:
		return u.object(int(u.uint(2 << (b - 0xde))))
	case b >= 0xe0:
		return int64(int8(b))
	default:
		panic(fmt.Sprintf("a value that begins with %#x", b))
	}
}

func (u *unpacker) list(n int) any {
	list := make([]any, n)
	for i := range list {
		list[i] = u.value()
	}
	return list
}

func (u *unpacker) object(n int) any {
	m := make(map[string]any, n)
	for range n {
		key := u.value().(string)
		m[key] = u.value()
	}
	return m
}

func TestPackIsItsOwnInverse(t *testing.T) {
	v := map[string]any{"a": []any{1, -1, -200, 70000, "", "text", nil, true, false, uint64(1) << 60}, "b": map[string]any{}}
	if got, want := string(jsonOf(packOf(v))), string(mustJSON(v)); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := string(jsonOf([]byte{0xc1})); got[0] != '"' {
		t.Errorf("a byte that means nothing became %s", got)
	}
}
