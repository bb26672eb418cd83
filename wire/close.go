package wire

// Code is a word that says why a command was refused.
type Code string

// The error codes.
const (
	BadRequest       Code = "bad_request"
	UnknownOp        Code = "unknown_op"
	TooLarge         Code = "too_large"
	RateLimited      Code = "rate_limited"
	Unauthenticated  Code = "unauthenticated"
	TokenExpired     Code = "token_expired"
	Forbidden        Code = "forbidden"
	UnknownRoom      Code = "unknown_room"
	NotSubscribed    Code = "not_subscribed"
	RoomLimit        Code = "room_limit"
	SourceDown       Code = "source_down"
	RangeUnavailable Code = "range_unavailable"
	ReplayLimit      Code = "replay_limit"
	Overloaded       Code = "overloaded"
	Internal         Code = "internal"
)

// Close is a reason to end a connection: the close frame's code and text, and whether the client
// may connect again. Every reason is one of the values below.
type Close struct {
	Code      uint16
	Reason    string
	Reconnect bool
}

func (c *Close) Error() string { return c.Reason }

// The reasons to close. 4000–4499 say connect again, with back-off and jitter; 4500–4999 do not.
var (
	CloseDraining     = &Close{4001, "draining", true}
	CloseSilent       = &Close{4002, "no sign of life", true}
	CloseSlow         = &Close{4004, "too slow", true}
	CloseInternal     = &Close{4010, "internal", true}
	CloseTokenExpired = &Close{4404, "token expired", true}
	CloseLimit        = &Close{4405, "connection limit", true}
	CloseOverloaded   = &Close{4406, "overloaded", true}
	CloseProtocol     = &Close{4500, "protocol", false}
	CloseUnauth       = &Close{4501, "not authenticated", false}
	CloseAbuse        = &Close{4504, "abuse", false}
	CloseRange        = &Close{4505, "nothing to replay", false}
)

// Closes lists every reason, so that a metric can show its zero.
var Closes = []*Close{
	CloseDraining, CloseSilent, CloseSlow, CloseInternal, CloseTokenExpired, CloseLimit,
	CloseOverloaded, CloseProtocol, CloseUnauth, CloseAbuse, CloseRange,
}
