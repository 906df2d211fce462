declare module "mjml-browser" {
  export default function mjml2html(source: string, options?: { validationLevel?: "strict" | "soft" | "skip" }): { html: string; errors: { line: number; message: string; tagName: string }[] };
}
