package langfuse

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/providers"
)

// Probe asks for the pair's own project, which is free and not limited. Where
// the pair could belong to several sites it lives if one accepts it, and is
// dead when all refuse.
func (k *pairs) Probe(ctx context.Context, v providers.Values) (providers.Finding, error) {
	const op = "probing a key at Langfuse"
	own, err := k.p.form.read(v)
	if err != nil {
		return providers.Finding{}, &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: err.Error()}
	}
	var last providers.Finding
	for _, s := range k.sites() {
		found := k.finding(s.whose(ctx, op, own))
		switch {
		case found.Liveness == providers.Alive:
			return found, nil
		case last.Answer == "" || found.Liveness == providers.Unclear:
			last = found
		}
	}
	return last, nil
}

// reply is an answer to the question whose key a pair is.
type reply struct {
	status  int    // 0 when none came
	project string // that accepted it
	name    string // the project's
	refused bool   // Langfuse's own word that it does not know the pair
	reason  string // why there is no usable answer
	cause   *fault.Error
}

// between is a refusal in words that are not the service's.
const between = "not in Langfuse's own words: something before it, such as a proxy, may have answered, and nothing is told about the key"

func (s *site) whose(ctx context.Context, op string, own pair) reply {
	var said refusal
	var page struct {
		Data []struct{ ID, Name string } `json:"data"`
	}
	answer, err := s.api.Do(ctx, rest.Call{Op: op, Path: "/api/public/projects", Sign: authorize(own), Refusal: &said}, &page)
	r := reply{status: answer.Status}
	switch {
	case err == nil && len(page.Data) == 1 && page.Data[0].ID != "":
		r.project, r.name = page.Data[0].ID, page.Data[0].Name
	case err == nil:
		r.reason = "without a project"
	case r.status == http.StatusUnauthorized && (said.says("invalid credentials") || said.says("invalid public key")):
		r.refused = true
	default:
		r.cause = fault.Of(fault.Explained(err, between, fault.Unauthorized, fault.Forbidden))
		r.reason = strings.ReplaceAll(string(r.cause.Reason), "_", " ")
	}
	return r
}

// finding holds the project, too: a pair of another one is not the one that is
// meant.
func (k *pairs) finding(r reply) providers.Finding {
	f := providers.Finding{Liveness: providers.Unclear, Answer: strconv.Itoa(r.status)}
	known := slices.ContainsFunc(k.all(), func(p place) bool { return p.project == r.project })
	switch {
	case r.status == 0:
		f.Answer = r.reason
	case r.project != "" && known:
		f.Liveness = providers.Alive
	case r.project != "":
		f.Answer += ", for another project"
	case r.refused:
		f.Liveness = providers.Refused
	case r.status == http.StatusUnauthorized:
		f.Answer += ", not Langfuse's own answer"
	default:
		f.Answer += ", " + r.reason
	}
	return f
}
