package wire

// Encoding writes messages and reads commands. Its Name is the WebSocket sub-protocol. Append
// functions follow strconv: they append to dst and return it; they keep nothing.
//
// A frame is an array of one or more messages: Begin, then the messages with Next between two of
// them, then End with the offset at which Begin began and the number of messages.
type Encoding interface {
	Name() string
	Binary() bool // binary frames rather than text

	Begin(dst []byte) []byte
	Next(dst []byte) []byte
	End(dst []byte, begin, messages int) []byte

	AppendHello(dst []byte, m *Hello) []byte
	AppendOK(dst []byte, m *OK) []byte
	AppendError(dst []byte, m *Error) []byte
	AppendSnapshot(dst []byte, m *Snapshot) []byte
	AppendUpdate(dst []byte, m *Update) []byte
	AppendGap(dst []byte, m *Gap) []byte
	AppendStatus(dst []byte, m *Status) []byte
	AppendHeartbeat(dst []byte, m *Heartbeat) []byte
	AppendBye(dst []byte, m *Bye) []byte

	// Commands reads a client's frame: one command or an array of them. Unknown fields are ignored.
	// The result keeps nothing of msg. An error is a *CommandError.
	Commands(msg []byte) ([]Command, error)
}

// CommandError says what is wrong with a frame: the words go to the client as they are.
type CommandError struct {
	ID      ID
	Code    Code
	Message string
}

func (e *CommandError) Error() string { return e.Message }
