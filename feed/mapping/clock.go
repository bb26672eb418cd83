package mapping

import (
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"tapedeck/feed"
	"tapedeck/feed/scan"
)

// clock is where a time is, and how it is written.
type clock struct {
	place  *place
	digits int    // of a number: how many more a µs has, -3 for ns
	layout string // of a text; "": it is a number
}

var units = map[string]int{"s": 6, "ms": 3, "us": 0, "ns": -3}

// rfc3339 is 2021-07-22T22:36:10.014Z. Seconds may have a fraction in any layout.
const rfc3339 = "%Y-%m-%dT%H:%M:%S%z"

// clock reads where a time is, and its unit.
func (c *compiler) clock(e entry) *clock {
	if !isBlock(e.value) {
		c.fail(at(e.value), "%s needs its unit, as in {from: ts, unit: ms}", e.name)
		return &clock{}
	}
	s := c.section(e, e.name, "from", "unit", "layout")
	k := &clock{place: c.place(s.must("from"))}
	unit, layout := s.get("unit"), s.get("layout")
	switch {
	case unit.value != nil && layout.value != nil:
		c.fail(layout.key, "%s has a unit and a layout: one of them is enough", e.name)
	case layout.value != nil:
		k.layout = c.text(layout)
		c.checkLayout(layout, k.layout)
	case c.word(s.must("unit"), "s", "ms", "us", "ns", "rfc3339") == "rfc3339":
		k.layout = rfc3339
	default:
		k.digits = units[c.text(unit)]
	}
	return k
}

// checkLayout sees that a layout has what a time needs.
func (c *compiler) checkLayout(e entry, layout string) {
	for rest := layout; c.err == nil; {
		var found bool
		if _, rest, found = strings.Cut(rest, "%"); !found {
			break
		}
		if rest == "" || !strings.Contains("YmdHMSz%", rest[:1]) {
			c.fail(at(e.value), "layout: behind %% comes one of Y m d H M S z, or %% itself; seconds may have a fraction")
			return
		}
		rest = rest[1:]
	}
	for _, part := range []string{"%Y", "%m", "%d"} {
		if strings.Count(strings.ReplaceAll(layout, "%%", ""), part) != 1 {
			c.fail(at(e.value), "layout: %s has to be in it, once", part)
		}
	}
}

// isNone reports a value of none: a message has none of what the mapping has.
func isNone(n ast.Node) bool {
	s, ok := n.(*ast.StringNode)
	return ok && s.Value == "none"
}

// time returns a time in µs; 0 where the message has an empty one.
func (d *decoder) time(k *clock) int64 {
	if _, ok := d.given(k.place); !ok && d.there(k.place) {
		return 0
	}
	return d.instant(k)
}

// instant returns the time that must be at a place, in µs.
func (d *decoder) instant(k *clock) int64 {
	text := d.must(k.place)
	if d.why != nil {
		return 0
	}
	var t int64
	var ok bool
	if k.layout == "" {
		t, ok = micros(text, k.digits)
	} else {
		t, ok = parseTime(text, k.layout)
	}
	switch {
	case !ok || t > scan.MaxCount:
		d.refuse(k.place, feed.BadValue, "is no time as the mapping describes it")
	case t < earliest:
		d.refuse(k.place, feed.BadValue, "is a time before 1980: its unit is another, or it is none")
	default:
		return t
	}
	return 0
}

// earliest is 1980, in µs. Every unit taken for another gives a time before it, or beyond what clients can read: so
// a wrong one shows at the first record.
const earliest = 315_532_800e6

// micros reads a number of units that have so many more digits in µs. What is finer is cut off.
func micros(text []byte, digits int) (t int64, ok bool) {
	i := 0
	for ; i < len(text) && text[i]-'0' <= 9; i++ {
		if i == 19 {
			return 0, false
		}
		t = t*10 + int64(text[i]-'0')
	}
	if i == 0 || t < 0 {
		return 0, false
	}
	for ; digits < 0; digits++ {
		t /= 10
	}
	part := []byte(nil)
	if i < len(text) {
		if part = text[i+1:]; text[i] != '.' || len(part) == 0 {
			return 0, false
		}
	}
	for n := 0; n < max(digits, len(part)); n++ {
		digit := byte(0)
		if n < len(part) {
			if digit = part[n] - '0'; digit > 9 {
				return 0, false
			}
		}
		if n < digits {
			if t > scan.MaxCount {
				return 0, false
			}
			t = t*10 + int64(digit)
		}
	}
	return t, true
}

// parseTime reads a time that is written as a layout says; in UTC where it says nothing.
func parseTime(s []byte, layout string) (int64, bool) {
	part := [256]int{'m': 1, 'd': 1} // by the letter that stands for it
	micro, zone := 0, 0
	for i := 0; i < len(layout); i++ {
		if layout[i] != '%' {
			if len(s) == 0 || s[0] != layout[i] {
				return 0, false
			}
			s = s[1:]
			continue
		}
		i++
		ok := true
		switch letter := layout[i]; letter {
		case '%':
			if ok = len(s) > 0 && s[0] == '%'; ok {
				s = s[1:]
			}
		case 'z':
			zone, s, ok = cutZone(s)
		case 'Y':
			part[letter], s, ok = cutDigits(s, 4)
		case 'S':
			if part[letter], s, ok = cutDigits(s, 2); ok {
				micro, s, ok = cutFraction(s)
			}
		default:
			part[letter], s, ok = cutDigits(s, 2)
		}
		if !ok {
			return 0, false
		}
	}
	t := time.Date(part['Y'], time.Month(part['m']), part['d'], part['H'], part['M'], part['S'], 0, time.UTC)
	if len(s) != 0 || t.Month() != time.Month(part['m']) || t.Day() != part['d'] || part['H'] > 23 || part['M'] > 59 || part['S'] > 59 {
		return 0, false
	}
	return (t.Unix()-int64(zone))*1e6 + int64(micro), true
}

func cutDigits(s []byte, n int) (v int, rest []byte, ok bool) {
	if len(s) < n {
		return 0, s, false
	}
	for _, b := range s[:n] {
		if b-'0' > 9 {
			return 0, s, false
		}
		v = v*10 + int(b-'0')
	}
	return v, s[n:], true
}

// cutFraction takes off what is behind the seconds, if there is something; what is finer than a µs is cut off.
func cutFraction(s []byte) (micro int, rest []byte, ok bool) {
	if len(s) < 2 || s[0] != '.' || s[1]-'0' > 9 {
		return 0, s, true
	}
	s = s[1:]
	for unit := 100_000; len(s) > 0 && s[0]-'0' <= 9; unit /= 10 {
		micro += int(s[0]-'0') * unit
		s = s[1:]
	}
	return micro, s, true
}

// cutZone takes off Z, +09:00 or +0900.
func cutZone(s []byte) (seconds int, rest []byte, ok bool) {
	if len(s) > 0 && (s[0] == 'Z' || s[0] == 'z') {
		return 0, s[1:], true
	}
	if len(s) < 5 || s[0] != '+' && s[0] != '-' {
		return 0, s, false
	}
	hours, rest, ok1 := cutDigits(s[1:], 2)
	if len(rest) > 0 && rest[0] == ':' {
		rest = rest[1:]
	}
	minutes, rest, ok2 := cutDigits(rest, 2)
	if seconds = hours*3600 + minutes*60; s[0] == '-' {
		seconds = -seconds
	}
	return seconds, rest, ok1 && ok2 && hours <= 23 && minutes <= 59
}
