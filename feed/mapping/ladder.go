package mapping

import (
	"strconv"
	"strings"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// ladder is how the levels of a list are written.
type ladder struct {
	number      int // of the decoder's memory for it
	price, size step
}

// levels are those of a list that was read on the way through the record.
type levels struct {
	list []market.Level
	good bool
}

// read takes the list at the cursor.
func (l *levels) read(c *scan.Cursor, form *ladder) {
	switch l.list = l.list[:0]; {
	case !form.price.element:
		l.list, l.good = c.Ladder(l.list, form.price.key, form.size.key)
	case form.price.index == 0 && form.size.index == 1:
		l.list, l.good = c.Levels(l.list)
	default:
		l.list, l.good = pairs(c, l.list, form)
	}
}

// pairs takes a list of lists of which a level's price and size are any two elements.
func pairs(c *scan.Cursor, dst []market.Level, form *ladder) ([]market.Level, bool) {
	good := true
	for c.Array(); c.More(); {
		if !c.Array() {
			c.Value()
			good = false
			continue
		}
		var l market.Level
		for i := 0; c.More(); i++ {
			switch v := c.Value(); i {
			case form.price.index:
				l.Price, _ = c.Decimal(v)
			case form.size.index:
				l.Qty, _ = c.Decimal(v)
			}
		}
		good = good && isLevel(l)
		dst = append(dst, l)
	}
	return dst, good
}

func isLevel(l market.Level) bool {
	return l.Price.Set() && !l.Price.Neg() && !l.Price.IsZero() && l.Qty.Set() && !l.Qty.Neg()
}

// place is one that names the side in an error.
func (s *side) place() *place {
	if s.list != nil {
		return s.list
	}
	return s.flat[0].price
}

// there reports whether anything of a side is in the record, be it empty.
func (s *side) there(d *decoder) bool {
	if s.list != nil {
		return d.there(s.list)
	}
	for i := range s.flat {
		if d.there(s.flat[i].price) {
			return true
		}
	}
	return false
}

// levels appends a side's levels.
func (d *decoder) levels(dst *[]market.Level, s *side) {
	if s.list == nil {
		for i := range s.flat {
			if _, ok := d.given(s.flat[i].price); ok {
				*dst = append(*dst, market.Level{Price: d.price(s.flat[i].price), Qty: d.size(s.flat[i].size)})
			}
		}
		return
	}
	k := &d.cells[s.list.cell]
	switch {
	case k.kind <= scan.Null || k.kind == scan.String && len(k.text) == 0:
	case s.rows && k.kind == scan.String:
		c := scan.Over(k.text)
		var good bool
		if l := (levels{list: *dst}); c.At('[') {
			l.read(&c, s.form)
			*dst, good = l.list, l.good
		}
		if !good || !c.End() {
			d.refuse(s.list, feed.BadValue, notLevels)
		}
	case k.kind == scan.Array:
		l := &d.ladders[s.form.number]
		*dst = append(*dst, l.list...)
		if !l.good {
			d.refuse(s.list, feed.BadValue, notLevels)
		}
	default:
		d.refuse(s.list, feed.BadValue, notLevels)
	}
}

const notLevels = "is no list of levels as the mapping describes them, with prices above 0 and sizes not negative"

// numbered is the i-th number after first, with as many digits.
func numbered(first string, i int) string {
	n, _ := strconv.Atoi(first)
	text := strconv.Itoa(n + i)
	return strings.Repeat("0", max(0, len(first)-len(text))) + text
}
