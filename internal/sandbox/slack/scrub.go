package slack

import (
	"encoding/json"
	"strings"

	"rekey/internal/sandbox/wire"
)

// scrub takes the app's own tokens out of a recorded request, but only from the
// places where a request must carry them: anywhere else a token is a leak like
// any other value, and another value in the token's place is one, too.
func (s *Server) scrub(q *wire.Request) {
	if bearer, ok := strings.CutPrefix(q.Header.Get("Authorization"), "Bearer "); ok && s.ownToken(bearer) {
		q.Header.Del("Authorization")
	}
	q.Query = s.withoutToken(q.Query)
	switch kind := q.Header.Get("Content-Type"); {
	case strings.HasPrefix(kind, "application/x-www-form-urlencoded"):
		q.Body = []byte(s.withoutToken(string(q.Body)))
	case strings.HasPrefix(kind, "application/json"):
		q.Body = s.withoutMember(q.Body)
	}
}

func (s *Server) ownToken(v string) bool {
	return v == s.cfg.BotToken || v == s.cfg.AppToken
}

// withoutToken removes token=<own token> and leaves all else as sent.
func (s *Server) withoutToken(encoded string) string {
	var kept []string
	for pair := range strings.SplitSeq(encoded, "&") {
		if v, ok := strings.CutPrefix(pair, "token="); !ok || !s.ownToken(v) {
			kept = append(kept, pair)
		}
	}
	return strings.Join(kept, "&")
}

func (s *Server) withoutMember(body []byte) []byte {
	var members map[string]json.RawMessage
	var token string
	if json.Unmarshal(body, &members) != nil || json.Unmarshal(members["token"], &token) != nil || !s.ownToken(token) {
		return body
	}
	delete(members, "token")
	out, err := json.Marshal(members)
	if err != nil {
		return body // unreachable: it was decoded from JSON
	}
	return out
}
