package wire

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// maxInt is the largest integer that every JSON reader holds exactly.
const maxInt = 1<<53 - 1

// idOf makes an ID of a decoded value; false unless it is an integer up to ±maxInt or a string of
// at most MaxID characters.
func idOf(v any) (ID, bool) {
	switch v := v.(type) {
	case json.Number:
		n, err := strconv.ParseInt(string(v), 10, 64)
		return strconv.AppendInt(nil, n, 10), err == nil && -maxInt <= n && n <= maxInt
	case string:
		return appendQuoted(nil, v), utf8.RuneCountInString(v) <= MaxID
	}
	return nil, false
}

// value returns the id as an integer, or else as text. What is neither an integer nor a JSON string
// is taken as text, so that an id written again is always whole.
func (id ID) value() (n int64, text string, isInt bool) {
	if n, err := strconv.ParseInt(string(id), 10, 64); err == nil {
		return n, "", true
	}
	if json.Unmarshal(id, &text) != nil {
		text = string(id)
	}
	return 0, text, false
}
