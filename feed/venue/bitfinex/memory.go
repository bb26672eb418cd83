package bitfinex

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tapedeck/feed"
	"tapedeck/market"
)

// Save implements feed.Memory: what each connection's channels are, and how far it is read.
func (d *decoder) Save(s *market.Saver) {
	s.Int(d.clock)
	keys := slices.Sorted(maps.Keys(d.connections))
	s.Count(len(keys))
	for _, key := range keys {
		s.Text(key)
		d.connections[key].save(s)
	}
}

func (conn *connection) save(s *market.Saver) {
	s.Flags(conn.hole, conn.late, conn.bulk)
	s.Int(conn.seq)
	s.Int(conn.heard)
	s.Count(len(conn.symbols))
	for _, sym := range conn.symbols {
		s.Text(sym.Native)
	}
	numbers := slices.Sorted(maps.Keys(conn.channels))
	s.Count(len(numbers))
	for _, number := range numbers {
		ch := conn.channels[number]
		s.Int(number)
		s.Byte(byte(ch.kind))
		s.Int(int64(ch.depth))
		s.Int(ch.width)
		s.Flags(ch.fresh, ch.symbol != nil, ch.unknown != nil)
		if ch.symbol != nil {
			s.Text(ch.symbol.Native)
		}
		if ch.unknown != nil {
			var why feed.Reason
			errors.As(ch.unknown, &why)
			s.Text(string(why))
			s.Text(strings.TrimPrefix(ch.unknown.Error(), string(why)))
		}
	}
}

// maxKey is the longest key of a record, and with it the longest text: Kafka takes records of a megabyte.
const maxKey = 1 << 20

// Load implements feed.Memory.
func (d *decoder) Load(l *market.Loader) {
	d.clock = l.Int()
	for range l.Count(maxConnections) {
		key := l.Text(maxKey)
		d.connections[key] = d.loadConnection(l)
	}
}

func (d *decoder) loadConnection(l *market.Loader) *connection {
	conn := &connection{channels: map[int64]*channel{}}
	l.Flags(&conn.hole, &conn.late, &conn.bulk)
	conn.seq, conn.heard = l.Int(), l.Int()
	for range l.Count(feed.MaxSymbols) {
		if sym := feed.LoadSymbol(l, d.named); sym != nil {
			conn.symbols = append(conn.symbols, sym)
		}
	}
	for range l.Count(maxKey) {
		var wanted, unknown bool
		number := l.Int()
		ch := &channel{kind: channelKind(l.Byte()), depth: int(l.Int()), width: l.Int()}
		l.Flags(&ch.fresh, &wanted, &unknown)
		if wanted {
			ch.symbol = feed.LoadSymbol(l, d.named)
		}
		if unknown {
			why, more := feed.Reason(l.Text(maxKey)), l.Text(maxKey)
			if ch.unknown = why; more != "" {
				ch.unknown = fmt.Errorf("%w%s", why, more)
			}
		} else if wanted && ch.symbol == nil {
			ch.unknown = feed.Unused
		}
		l.Hold(ch.kind <= statusChannel)
		conn.channels[number] = ch
	}
	return conn
}
