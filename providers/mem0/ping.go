package mem0

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/secret"
)

// place is what a key of the platform is bound to.
type place struct{ org, project string }

// pingPath ends in a slash; without it the platform has no such page.
const pingPath = "/v1/ping/"

// reply is an answer to the question whose key it is.
type reply struct {
	status    int // 0 when none came
	place     place
	refused   bool // Mem0's own word that it does not know the key
	unclaimed bool // no person owns the account
	reason    string
	cause     *fault.Error
}

// complaint is the error body of the platform and of servers alike. What the
// server says about a malformed request is no text.
type complaint struct {
	Detail json.RawMessage `json:"detail"`
}

// says reports whether the service's own words begin so.
func (c complaint) says(beginning string) bool {
	var text string
	return json.Unmarshal(c.Detail, &text) == nil && strings.HasPrefix(strings.ToLower(text), beginning)
}

// invalidKey is how both refuse a key.
const invalidKey = "invalid api key"

// between is a refusal in words that are not Mem0's.
const between = "not in Mem0's own words: something before it, such as a proxy, may have answered, and nothing is told about the key"

// ping asks the platform. It answers 401, and 403 to some keys, when a key is
// not valid; only its own words count.
func (p *Provider) ping(ctx context.Context, op string, key secret.Value) reply {
	var said complaint
	var whose struct {
		Status  string  `json:"status"`
		Org     string  `json:"org_id"`
		Project string  `json:"project_id"`
		Email   *string `json:"user_email"`
	}
	answer, err := p.platform.Do(ctx, rest.Call{Op: op, Path: pingPath, Sign: token(key), Refusal: &said}, &whose)
	r := reply{status: answer.Status}
	switch refusal := r.status == http.StatusUnauthorized || r.status == http.StatusForbidden; {
	case refusal && said.says(invalidKey):
		r.refused = true
	case err != nil:
		r.cause = fault.Of(fault.Explained(err, between, fault.Unauthorized, fault.Forbidden))
		r.reason = strings.ReplaceAll(string(r.cause.Reason), "_", " ")
	case whose.Status != "ok" || !placeForm.MatchString(whose.Org) || !placeForm.MatchString(whose.Project):
		r.reason = "without an organisation and a project"
	default:
		r.place = place{whose.Org, whose.Project}
		r.unclaimed = whose.Email == nil || *whose.Email == ""
	}
	return r
}
