package ayrshare

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"regexp"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/secret"
)

// user is what GET /user tells of the account. Other members are people's own.
type user struct {
	Created json.RawMessage `json:"created"`
	Ref     string          `json:"refId"`
}

// refusal is the service's own error.
type refusal struct {
	Status string `json:"status"`
	Code   int    `json:"code"`
	Action string `json:"action"`
}

// own reports that the service itself answered, and not something before it.
func (r refusal) own() bool { return r.Status == "error" && (r.Code != 0 || r.Action != "") }

// reply is an answer to the question whose key a value is.
type reply struct {
	status  int    // 0 when none came
	account string // the account that accepted it
	refused bool   // the service's own word that it does not know the key
	barred  bool   // the service's own word that the key may not ask
	cause   *fault.Error
}

// between is a refusal in words that are not the service's.
const between = "not in Ayrshare's own words: something before it, such as a proxy, may have answered, and nothing is told about the key"

// whose asks with the key itself.
func (p *Provider) whose(ctx context.Context, op string, key secret.Value) reply {
	var said refusal
	var found user
	answer, err := p.api.Do(ctx, rest.Call{Op: op, Path: "/user", Sign: bearer(key), Refusal: &said}, &found)
	r := reply{status: answer.Status}
	switch {
	case err == nil:
		if r.account = found.account(); r.account == "" {
			r.cause = &fault.Error{Op: op, Reason: fault.Garbled, Status: r.status, Detail: "the answer does not tell when the account was made"}
		}
	case r.status == http.StatusUnauthorized && said.own():
		r.refused = true
	case r.status == http.StatusForbidden && said.own():
		r.barred = true
		r.cause = fault.Of(fault.Explained(err, "Ayrshare knows the key and bars it: its account is suspended, or its plan does not allow this", fault.Forbidden))
	default:
		r.cause = fault.Of(fault.Explained(err, between, fault.Unauthorized, fault.Forbidden))
	}
	return r
}

var plain = regexp.MustCompile(`^[A-Za-z0-9:.+_-]{1,64}$`)

// account names an account by when it was made, and by its reference where the
// service tells one. Which social accounts are linked may change meanwhile, and
// is no part of it.
func (u user) account() string {
	made := moment(u.Created)
	switch {
	case made == "":
		return ""
	case plain.MatchString(u.Ref):
		return u.Ref + ", made " + made
	default:
		return "made " + made
	}
}

// moment is a time as the service writes it: a text, or an object with the text
// in utc. Of another form it is told by a digest.
func moment(raw json.RawMessage) string {
	var text string
	var object struct {
		UTC string `json:"utc"`
	}
	switch {
	case json.Unmarshal(raw, &text) == nil && plain.MatchString(text):
		return text
	case json.Unmarshal(raw, &object) == nil && plain.MatchString(object.UTC):
		return object.UTC
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil || compact.Len() < 3 || compact.String() == "null" {
		return ""
	}
	sum := sha256.Sum256(compact.Bytes())
	return hex.EncodeToString(sum[:8])
}

func bearer(key secret.Value) func(*http.Request, []byte) {
	return func(r *http.Request, _ []byte) { r.Header.Set("Authorization", "Bearer "+key.Reveal()) }
}
