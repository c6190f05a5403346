// Package fal is a local fal.ai for the sandbox: keys, prices, usage, and one
// model that an application can call.
//
// # Model
//
// An account holds keys. A key is "id:secret", has an alias that need not be
// unique, and a scope: API keys call models, ADMIN keys also manage API keys.
// Only API keys are listed and deleted over the API; ADMIN keys are made by
// people ([Server.AddAdmin]). A key works from the moment it is made to the
// moment it is deleted; old and new overlap freely. Every use of a model is an
// event that usage and billing can be asked about.
//
// # What may run twice
//
// Everything but creating a key: each create makes another live key, also with
// an alias that is taken. Deleting answers 204 whether or not the id was there.
//
// Shapes follow https://fal.ai/docs/platform-apis/v1/keys/create and the
// published description at https://api.fal.ai/v1/openapi.json. The package
// imports nothing of the product.
package fal
