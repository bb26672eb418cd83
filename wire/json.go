package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"tapedeck/market"
)

// JSON is the encoding tapedeck.v1.json.
var JSON Encoding = &encoding{jsonNotation{}, "tapedeck.v1.json", false, decodeJSON}

type jsonNotation struct{}

var jsonKeys = encodeKeys(func(name string) string { return `,"` + name + `":` })

func (jsonNotation) Begin(dst []byte) []byte         { return append(dst, '[') }
func (jsonNotation) Next(dst []byte) []byte          { return append(dst, ',') }
func (jsonNotation) End(dst []byte, _, _ int) []byte { return append(dst, ']') }

func (jsonNotation) object(dst []byte) ([]byte, int) { return append(dst, '{'), len(dst) }

func (jsonNotation) key(dst []byte, at int, k key) []byte {
	s := jsonKeys[k]
	if len(dst) == at+1 { // the first field has no comma before it
		s = s[1:]
	}
	return append(dst, s...)
}

func (jsonNotation) endObject(dst []byte) []byte { return append(dst, '}') }

func (jsonNotation) array(dst []byte, _ int) []byte { return append(dst, '[') }

func (jsonNotation) item(dst []byte, i int) []byte {
	if i == 0 {
		return dst
	}
	return append(dst, ',')
}

func (jsonNotation) endArray(dst []byte) []byte { return append(dst, ']') }

func (jsonNotation) integer(dst []byte, v int64) []byte   { return strconv.AppendInt(dst, v, 10) }
func (jsonNotation) unsigned(dst []byte, v uint64) []byte { return strconv.AppendUint(dst, v, 10) }
func (jsonNotation) boolean(dst []byte, v bool) []byte    { return strconv.AppendBool(dst, v) }
func (jsonNotation) null(dst []byte) []byte               { return append(dst, "null"...) }

func (jsonNotation) decimal(dst []byte, d market.Decimal) []byte {
	if !d.Set() {
		return append(dst, "null"...)
	}
	dst = append(dst, '"')
	dst = d.Append(dst)
	return append(dst, '"')
}

func (n jsonNotation) levels(dst []byte, levels []market.Level) []byte {
	dst = append(dst, '[')
	for i := range levels {
		if i > 0 {
			dst = append(dst, ',')
		}
		l := &levels[i]
		dst = n.decimal(append(dst, '['), l.Price)
		if l.Qty.IsZero() {
			dst = append(dst, `,"0"]`...)
			continue
		}
		dst = append(n.decimal(append(dst, ','), l.Qty), ']')
	}
	return append(dst, ']')
}

func (jsonNotation) text(dst []byte, s string) []byte { return appendQuoted(dst, s) }
func (jsonNotation) textBytes(dst, s []byte) []byte   { return appendQuoted(dst, s) }

// id writes the id anew rather than copying it, so that the frame stays whole whatever made the id.
func (jsonNotation) id(dst []byte, id ID) []byte {
	n, text, isInt := id.value()
	if isInt {
		return strconv.AppendInt(dst, n, 10)
	}
	return appendQuoted(dst, text)
}

// appendQuoted appends s as a JSON string. Nearly all strings are names that need no escape.
func appendQuoted[T string | []byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return appendEscaped(append(dst, s[:i]...), string(s[i:]))
		}
	}
	dst = append(dst, s...)
	return append(dst, '"')
}

// appendEscaped appends the rest of a string from the first character that is not plain. What is
// not UTF-8 becomes U+FFFD, byte by byte.
func appendEscaped(dst []byte, s string) []byte {
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[r>>4], hexDigits[r&15])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}

const hexDigits = "0123456789abcdef"

// decodeJSON reads one value, with numbers left as they were written.
func decodeJSON(msg []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(msg))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errMore
	}
	return v, nil
}
