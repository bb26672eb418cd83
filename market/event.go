package market

// Event is one normalized fact about one symbol.
type Event struct {
	Symbol  *Symbol
	Time    int64 // the venue's own time in µs; 0 where it gave none
	Payload Payload
}

// Payload is one of *Trade *Quote *Book *Ticker *Candle *Status *Gap *Instrument.
//
//sumtype:decl
type Payload interface{ payload() }

func (*Trade) payload()  {}
func (*Quote) payload()  {}
func (*Book) payload()   {}
func (*Ticker) payload() {}
func (*Candle) payload() {}
func (*Status) payload() {}
func (*Gap) payload()    {}

func (*Instrument) payload() {}

// Body is what a snapshot or an update of a room says: one of *Tape *Quote *Book *Ticker *Candles.
// It belongs to the state that gave it and is valid until that state is next touched.
//
//sumtype:decl
type Body interface{ body() }

func (*Tape) body()    {}
func (*Quote) body()   {}
func (*Book) body()    {}
func (*Ticker) body()  {}
func (*Candles) body() {}

// Side is the taker's side of a trade.
type Side uint8

// The sides.
const (
	SideUnknown Side = iota
	Buy
	Sell
)

func (s Side) String() string { return [...]string{"unknown", "buy", "sell"}[s] }

// MaxID is the longest trade id, in bytes: a UUID has 36.
const MaxID = 39

// ID is a venue's id of a trade, held inline so that a trade has no pointer.
type ID struct {
	n uint8
	b [MaxID]byte
}

// MakeID copies s; false if it is longer than MaxID.
func MakeID[T []byte | string](s T) (id ID, ok bool) {
	if len(s) > MaxID {
		return ID{}, false
	}
	id.n = uint8(copy(id.b[:], s))
	return id, true
}

// Bytes returns the id's text, which belongs to the id.
func (id *ID) Bytes() []byte { return id.b[:id.n] }

func (id ID) String() string { return string(id.b[:id.n]) }

// Trade is one execution. Price and Qty are set, Qty is not negative; Side is the taker's.
// Time is the venue's, as in its Event.
type Trade struct {
	Price, Qty Decimal
	Time       int64
	ID         ID
	Side       Side
}

// Tape is a run of trades, oldest first.
type Tape struct{ Trades []Trade }

// Quote is the best bid and ask. A side without an order is absent.
type Quote struct {
	BidPrice, BidQty, AskPrice, AskQty Decimal
}

// Level is one price of a book and the whole quantity at it: 0 says that there is none.
type Level struct{ Price, Qty Decimal }

// Book is a whole book (Snapshot) or levels of one that changed. Quantities are absolute.
// A snapshot's levels may come in any order; a later level of one price wins over an earlier one.
type Book struct {
	Snapshot   bool
	Bids, Asks []Level

	// The venue's own numbers, by which Chain judges continuity. A snapshot's id is Last.
	First, Last, Prev int64
	// Chain is the venue's continuity rule; nil where it has none (then every delta follows).
	Chain *Chain

	// Depth is how many levels a side the venue maintains: after this message it drops those behind
	// without saying so. 0: it drops none.
	Depth int
	// Check is the venue's checksum of the book after this message, which must be Sum; nil where it sent none.
	Check *Check
	Sum   uint32
}

// Check is a venue's checksum over the best levels of a book. The function is pure.
type Check struct {
	Name   string // as docs/venues.md calls it
	Levels int    // how many of a side it covers
	// Sum is given at most Levels levels a side, best first, spelled as the venue last wrote them.
	Sum func(bids, asks []Level) uint32
}

// Chain is a venue's rule of which book messages follow which. The functions are pure.
type Chain struct {
	Name string // as docs/venues.md calls it
	// Late says that a snapshot may be older than deltas that come before it in the log, as those are that
	// are fetched by REST. Whoever has read none of those deltas cannot tell that it is.
	Late bool
	// Blind says that the rule cannot tell whether a message is missing: after a loss only a snapshot
	// proves the book.
	Blind bool
	// Old reports that delta d lies wholly in a snapshot of id snap, or is older.
	Old func(d *Book, snap int64) bool
	// Starts reports that d may be the first delta after a snapshot of id snap.
	Starts func(d *Book, snap int64) bool
	// Follows reports that d may come after a delta whose Last was prev.
	Follows func(d *Book, prev int64) bool
	// Repeat reports that d was seen before (its content is in the book already). Nil: Last <= prev.
	Repeat func(d *Book, prev int64) bool
}

// Alone is the rule of books that are whole by themselves: no delta is of one, nothing follows it.
func Alone(name string, blind bool) Chain {
	never := func(*Book, int64) bool { return false }
	return Chain{Name: name, Blind: blind, Old: never, Starts: never, Follows: never}
}

// Field is one field of a ticker.
type Field uint8

// The fields of a ticker. Times are µs and counts plain integers, held as Decimals without decimals.
const (
	Last Field = iota
	Open
	High
	Low
	Volume
	QuoteVolume
	VWAP
	TradeCount
	Mark
	Index
	Funding     // rate
	FundingTime // of the next funding, µs
	OpenInterest
	NumFields = iota
)

var fieldNames = [NumFields]string{
	"last", "open", "high", "low", "volume", "quoteVolume", "vwap", "trades",
	"mark", "index", "funding", "fundingTime", "openInterest",
}

func (f Field) String() string { return fieldNames[f] }

// Fields is a set of fields.
type Fields uint32

// Has reports whether f is in the set.
func (s Fields) Has(f Field) bool { return s&(1<<f) != 0 }

// Ticker is some fields of a ticker. Present names the fields that this one speaks of; of those, one
// whose value is absent is gone.
type Ticker struct {
	Present Fields
	Values  [NumFields]Decimal
}

// Put sets a field.
func (t *Ticker) Put(f Field, v Decimal) {
	t.Present |= 1 << f
	t.Values[f] = v
}

// Candle is one bar. Start and Width are µs. Rev counts how often it changed after it was final.
type Candle struct {
	Start, Width           int64
	Open, High, Low, Close Decimal
	Volume                 Decimal
	Trades                 int64
	VWAP                   Decimal
	QuoteVolume            Decimal // venue candles carry it; it is what VWAP is made of
	Final                  bool
	Rev                    uint32
}

// Candles is a run of candles, oldest first.
type Candles struct{ List []Candle }

// RoomState is how a room is.
type RoomState uint8

// The states of a room.
const (
	Live   RoomState = iota // good, and its partition is read
	Quiet                   // good, but nothing came for a while
	Stale                   // not to be trusted until a snapshot
	Down                    // its source is away
	Halted                  // the venue stopped trading it
)

func (s RoomState) String() string {
	return [...]string{"live", "quiet", "stale", "down", "halted"}[s]
}

// Status is a venue's own word on a symbol: Live or Halted.
type Status struct {
	State  RoomState
	Reason string // a constant of the decoder
}

// Gap says that something the venue sent about the symbol before this record never reached us: the numbers of its
// connection have a hole, and nobody knows what was in it.
type Gap struct{}

// Instrument is what a venue says of an instrument itself. What it does not say is absent.
type Instrument struct {
	Tick     Decimal // least step of a price
	Lot      Decimal // least step of a quantity
	Contract Decimal // how much of Currency one contract is; absent where quantities are no contracts
	Currency string  // what a contract is counted in, or a quantity that is no contract: BTC or USD; a constant of the symbol
	Inverse  bool    // settled in the base; said together with Currency
}

// Merge takes over what n says; what it does not say stays.
func (i *Instrument) Merge(n *Instrument) {
	if n.Tick.Set() {
		i.Tick = n.Tick
	}
	if n.Lot.Set() {
		i.Lot = n.Lot
	}
	if n.Contract.Set() {
		i.Contract = n.Contract
	}
	if n.Currency != "" {
		i.Currency, i.Inverse = n.Currency, n.Inverse
	}
}
