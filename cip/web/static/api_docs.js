// Draws the API's document. The page loads nothing from elsewhere, so neither may what it draws:
// without `validatorUrl: null` a badge would be fetched from another host.
window.SwaggerUIBundle({
  url: "/api/v1/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
});
