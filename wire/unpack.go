package wire

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"strconv"
)

// maxDepth is how deep a client's values may nest: commands, a command, its rooms, one of them and
// its since make 5, and the rest is for fields to come.
const maxDepth = 16

var (
	errNotPack = errors.New("not MessagePack")
	errNested  = errors.New("MessagePack nested too deeply")
	errMore    = errors.New("there is more after the first value: several commands are sent as an array")
)

// decodePack reads one value into what decodeJSON would have made of it.
func decodePack(msg []byte) (any, error) {
	r := packReader{b: msg}
	v := r.value(maxDepth)
	if r.err == nil && len(r.b) > 0 {
		r.err = errMore
	}
	return v, r.err
}

// packReader reads MessagePack that nobody vouches for. After a fault it reads nothing more. It
// believes no length: memory grows only with the bytes that are there.
type packReader struct {
	b   []byte
	err error
}

// other stands for a value of a kind that no field of a command has.
type other struct{}

func (r *packReader) take(n uint64) []byte {
	if r.err == nil && n > uint64(len(r.b)) {
		r.err = errNotPack
	}
	if r.err != nil {
		return nil
	}
	taken := r.b[:n]
	r.b = r.b[n:]
	return taken
}

// uint reads an integer of 1, 2, 4 or 8 bytes.
func (r *packReader) uint(size uint64) uint64 {
	var wide [8]byte
	copy(wide[8-size:], r.take(size))
	return binary.BigEndian.Uint64(wide[:])
}

// value reads the next value. The first byte says what it is and, in its low bits, either how long
// it is or in how many bytes its length or value follows, as a power of 2.
func (r *packReader) value(depth int) any {
	if depth == 0 && r.err == nil {
		r.err = errNested
	}
	c := r.uint(1)
	switch {
	case r.err != nil:
		return nil
	case c < 0x80 || c >= 0xe0:
		return json.Number(strconv.Itoa(int(int8(c))))
	case c < 0x90:
		return r.object(c&0x0f, depth)
	case c < 0xa0:
		return r.list(c&0x0f, depth)
	case c < 0xc0:
		return r.text(c & 0x1f)
	case c == packNil:
		return nil
	case c == packFalse || c == packTrue:
		return c == packTrue
	case 0xca <= c && c <= packInt64:
		return r.number(c)
	case packText8 <= c && c <= packText32:
		return r.text(r.uint(1 << (c - packText8)))
	case c == packList16 || c == packList32:
		return r.list(r.uint(2<<(c-packList16)), depth)
	case c == 0xde || c == 0xdf:
		return r.object(r.uint(2<<(c-0xde)), depth)
	}
	return r.other(c)
}

func (r *packReader) number(c uint64) any {
	switch {
	case c == 0xca:
		return float(float64(math.Float32frombits(uint32(r.uint(4)))), 32)
	case c == 0xcb:
		return float(math.Float64frombits(r.uint(8)), 64)
	case c < packInt8:
		return json.Number(strconv.FormatUint(r.uint(1<<(c-packUint8)), 10))
	}
	size := uint64(1) << (c - packInt8)
	unused := 64 - 8*size
	return json.Number(strconv.FormatInt(int64(r.uint(size)<<unused)>>unused, 10))
}

func float(f float64, bits int) any {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return other{}
	}
	return json.Number(strconv.FormatFloat(f, 'g', -1, bits))
}

// other steps over binary data and extensions, which a field that we do not know may hold.
func (r *packReader) other(c uint64) any {
	switch {
	case 0xc4 <= c && c <= 0xc6:
		r.take(r.uint(1 << (c - 0xc4)))
	case 0xc7 <= c && c <= 0xc9:
		r.take(r.uint(1<<(c-0xc7)) + 1)
	case 0xd4 <= c && c <= 0xd8:
		r.take(1<<(c-0xd4) + 1)
	default: // 0xc1, which is never used
		r.err = errNotPack
	}
	return other{}
}

// text reads a string; what is not UTF-8 becomes U+FFFD, as in JSON.
func (r *packReader) text(n uint64) string { return string([]rune(string(r.take(n)))) }

func (r *packReader) list(n uint64, depth int) []any {
	list := []any{}
	for ; n > 0 && r.err == nil; n-- {
		list = append(list, r.value(depth-1))
	}
	return list
}

func (r *packReader) object(n uint64, depth int) map[string]any {
	m := map[string]any{}
	for ; n > 0 && r.err == nil; n-- {
		name, ok := r.value(1).(string)
		if !ok && r.err == nil {
			r.err = errors.New("MessagePack maps have strings as keys here")
		}
		m[name] = r.value(depth - 1)
	}
	return m
}
