package rotation

import (
	"context"
	"encoding/json"
	"fmt"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
)

// maxModel bounds what is kept of the old credentials in a record.
const maxModel = 64 << 10

// keepModel puts into the record what the successor takes from the old
// credentials, while these live. Whatever cannot be kept stops here: nothing has
// ended yet.
func (w *run) keepModel(ctx context.Context) error {
	const op = "keeping what the new credential is made after"
	kind, err := w.found(ctx)
	if err != nil {
		return err
	}
	m, has := kind.(providers.Modelled)
	if !has {
		return nil
	}
	model, err := m.Model()
	switch {
	case err != nil:
		return err
	case len(model) > maxModel:
		return fault.New(op, fault.TooLarge, fmt.Sprintf("it has %d bytes, and a record keeps %d at most", len(model), maxModel))
	case !json.Valid(model):
		return fault.New(op, fault.Garbled, "it is no JSON")
	}
	if err := w.clean(ctx, secret.New(string(model))); err != nil {
		return err
	}
	w.r.Model = json.RawMessage(model)
	return nil
}

// clean holds that a text has no value of the vault in it.
func (w *run) clean(ctx context.Context, text secret.Value) error {
	const telling = 16 // shorter texts are parts of anything
	for _, env := range w.r.environments() {
		entries, err := w.subject.Vault.Read(ctx, env, w.subject.Variables)
		if err != nil {
			return err
		}
		for name, entry := range entries {
			public := secret.New(string(w.r.Places[env].Old.ID)) // a half of a pair may be shown: it is the id
			if entry.Value.Len() >= telling && !public.Contains(entry.Value) && text.Contains(entry.Value) {
				return fault.New("keeping what the new credential is made after", fault.Ambiguous, "it holds the value of "+name+" in "+env)
			}
		}
	}
	return nil
}
