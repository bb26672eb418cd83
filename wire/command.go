package wire

// Command is one command of a client.
type Command struct {
	Op       string
	ID       ID
	Rooms    []Request // subscribe, unsubscribe
	Interval string    // subscribe: for all rooms; "" for the default
	Strict   bool
	Token    string // auth
	To       string // seek
	Speed    string // speed
	Records  int64  // step
}

// Request asks for one room.
type Request struct {
	Room     string
	Since    *Since
	Interval string // "" for the command's
	Last     int    // trades or candles in the snapshot; 0 for the default
}

// Since is a position to resume from.
type Since struct {
	Epoch string
	Seq   uint64
}

// MaxID is the longest id of a command, in characters.
const MaxID = 36
