package anthropic

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/secret"
	"rekey/providers"
)

// workspaceHeader names the workspace of the key that an answer is for.
const workspaceHeader = "Anthropic-Workspace-Id"

// Probe lists one model, which is free of tokens and of effects. It proves
// that the key is accepted, not that there is credit.
func (k *apiKey) Probe(ctx context.Context, values providers.Values) (providers.Finding, error) {
	const op = "probing a key at Anthropic"
	v, err := k.p.read(values)
	if err != nil {
		return providers.Finding{}, &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: err.Error()}
	}
	return k.p.models(ctx, op, v).finding(), nil
}

// reply is an answer of the list of models.
type reply struct {
	status    int    // 0 when none came
	accepted  bool   // a list of models came
	refused   bool   // Anthropic's own word that it does not know the key
	workspace string // of the key; "" when not told
	reason    string // why there is no usable answer
}

func (p *Provider) models(ctx context.Context, op string, key secret.Value) reply {
	var said refusal
	var list struct {
		Data *[]struct{} `json:"data"`
	}
	answer, err := p.api.Do(ctx, rest.Call{
		Op: op, Path: "/v1/models", Query: url.Values{"limit": {"1"}}, Sign: authorize(key), Refusal: &said,
	}, &list)
	r := reply{
		status: answer.Status, accepted: err == nil && list.Data != nil, workspace: answer.Header.Get(workspaceHeader),
		refused: answer.Status == http.StatusUnauthorized && said.theirs() && said.Error.Type == "authentication_error",
	}
	if err != nil && !r.refused {
		r.reason = strings.ReplaceAll(string(fault.Of(err).Reason), "_", " ")
	}
	return r
}

func (r reply) finding() providers.Finding {
	f := providers.Finding{Liveness: providers.Unclear, Answer: strconv.Itoa(r.status)}
	switch {
	case r.status == 0:
		f.Answer = r.reason
	case r.accepted:
		f.Liveness = providers.Alive
	case r.refused:
		f.Liveness = providers.Refused
	case r.reason != "":
		f.Answer += ", " + r.reason
	default:
		f.Answer += ", not Anthropic's own answer"
	}
	return f
}
