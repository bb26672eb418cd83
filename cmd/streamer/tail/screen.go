package tail

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"tapedeck/wire/mirror"
)

// screen is the view on a terminal: lines run upwards as usual, and below them each book has a ladder that
// is drawn anew in its place.
type screen struct {
	out    io.Writer
	size   func() (w, h int)
	lines  lines
	levels int

	buf   bytes.Buffer // lines that are not written yet
	books map[string]*book
	drawn int // lines of ladders that are on the terminal, above the cursor
	last  time.Time
	dirty bool
}

// book is what a ladder shows.
type book struct {
	room   *mirror.Room
	ts     int64
	events uint64
}

// frameTime is the shortest time between two drawings: a terminal shows no more than some 30 a second.
const frameTime = 33 * time.Millisecond

func (v *screen) message(m *mirror.Message, r *mirror.Room) {
	if r != nil && strings.HasPrefix(m.Room, "book:") && (m.T == "snapshot" || m.T == "update" || m.T == "status") {
		if v.books == nil {
			v.books = map[string]*book{}
		}
		b := v.books[m.Room]
		if b == nil {
			b = &book{}
			v.books[m.Room] = b
		}
		b.room, b.ts, v.dirty = r, m.Ts, true
	}
	for _, line := range v.lines.of(m, r, false) {
		v.line(line)
	}
}

func (v *screen) note(text string) { v.line(v.lines.paint(dim, "· "+text)) }

func (v *screen) line(text string) {
	v.buf.WriteString(text + "\n")
	v.dirty = true
}

// flush writes the lines and draws the ladders below them, in one write so that nothing flickers.
func (v *screen) flush(now time.Time) (time.Duration, error) {
	if !v.dirty {
		return 0, nil
	}
	if wait := frameTime - now.Sub(v.last); wait > 0 && !v.last.IsZero() {
		return wait, nil
	}
	v.last, v.dirty = now, false
	ladders := v.ladders()
	var frame bytes.Buffer
	if v.drawn > 0 {
		fmt.Fprintf(&frame, "\x1b[%dA", v.drawn) // up to the first of them
	}
	frame.WriteString("\r\x1b[J") // and away with everything below
	v.buf.WriteTo(&frame)
	for _, l := range ladders {
		frame.WriteString(l + "\n")
	}
	v.drawn = len(ladders)
	_, err := frame.WriteTo(v.out)
	return 0, err
}

// end writes what the last frame has not shown.
func (v *screen) end() error {
	v.last = time.Time{}
	_, err := v.flush(time.Now())
	return err
}

// ladders draws the books, cut to what fits the terminal: a line that wraps would not be counted.
func (v *screen) ladders() (out []string) {
	if len(v.books) == 0 {
		return nil
	}
	w, h := v.size()
	rows := max(min(v.levels, (h-1)/len(v.books)-1), 0)
	for _, name := range slices.Sorted(maps.Keys(v.books)) {
		if len(out)+1 >= h {
			break
		}
		out = append(out, v.ladder(v.books[name], rows, w)...)
	}
	return out
}

// cell is a piece of a line, and its colour.
type cell struct{ text, colour string }

// cells makes a line that is at most w wide.
func (v *screen) cells(w int, list ...cell) string {
	var b strings.Builder
	for _, c := range list {
		if n := utf8.RuneCountInString(c.text); n > w {
			c.text = string([]rune(c.text)[:max(w, 0)])
		}
		w -= utf8.RuneCountInString(c.text)
		b.WriteString(v.lines.paint(c.colour, c.text))
	}
	return b.String()
}

func (v *screen) ladder(b *book, rows, w int) []string {
	r := b.room
	state := r.State
	colour := dim
	if state != "live" && state != "quiet" {
		colour = yellow
	}
	bids, asks := levels(r.Bids, rows, 1), levels(r.Asks, rows, -1)
	head := []cell{{clean(r.Name), bold}, {" " + clean(state), colour}, {" " + clock(b.ts), dim}}
	if len(bids) > 0 && len(asks) > 0 {
		head = append(head, cell{" spread " + spread(bids[0][0], asks[0][0]), ""})
	}
	head = append(head, cell{fmt.Sprintf(" seq %d", r.Seq), dim})
	out := []string{v.cells(w, head...)}
	columns := [][]string{column(bids, 1), column(bids, 0), column(asks, 0), column(asks, 1)}
	widths := make([]int, len(columns))
	for i, c := range columns {
		even(c)
		for _, text := range c {
			widths[i] = max(widths[i], len(text))
		}
	}
	for i := range max(len(bids), len(asks)) {
		at := func(column int) string {
			if i < len(columns[column]) {
				return columns[column][i]
			}
			return ""
		}
		out = append(out, v.cells(w,
			cell{fmt.Sprintf("%*s", widths[0]+2, at(0)), ""}, cell{fmt.Sprintf("%*s", widths[1]+2, at(1)), green}, cell{" │", dim},
			cell{fmt.Sprintf("%*s", widths[2]+1, at(2)), red}, cell{fmt.Sprintf("%*s", widths[3]+2, at(3)), ""}))
	}
	return out
}

func column(side [][2]string, i int) (out []string) {
	for _, l := range side {
		out = append(out, l[i])
	}
	return out
}
