package ayrshare

import (
	"context"
	"strconv"
	"strings"

	"rekey/internal/fault"
	"rekey/providers"
)

// Probe asks whose the key is, which posts nothing.
func (k *key) Probe(ctx context.Context, values providers.Values) (providers.Finding, error) {
	const op = "probing a key of Ayrshare"
	own, err := k.p.read(op, values)
	if err != nil {
		return providers.Finding{}, &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: fault.Of(err).Detail}
	}
	return k.p.whose(ctx, op, own).finding(), nil
}

func (r reply) finding() providers.Finding {
	f := providers.Finding{Liveness: providers.Unclear, Answer: strconv.Itoa(r.status)}
	switch {
	case r.account != "":
		f.Liveness = providers.Alive
	case r.refused:
		f.Liveness = providers.Refused
	case r.barred:
		f.Answer += ", which may be the plan or a suspension"
	case r.status == 0:
		f.Answer = strings.ReplaceAll(string(r.cause.Reason), "_", " ")
	default:
		f.Answer += ", " + strings.ReplaceAll(string(r.cause.Reason), "_", " ")
	}
	return f
}
