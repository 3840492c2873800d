// An extension of the certificate in a bundle, as a text: what Fulcio writes about who asked for it (signing.md 6.3).

/** Undefined where the bundle has no certificate, the certificate no such extension, or it is no text. Never throws. */
export async function certificateExtension(bundle: unknown, oid: string): Promise<string | undefined> {
  const { bundleFromJSON, toSignedEntity } = await import('./verifying-library.ts');
  try {
    const { key } = toSignedEntity(bundleFromJSON(bundle), Buffer.alloc(0));
    if (key.$case !== 'certificate') return undefined;
    return key.certificate.extension(oid)?.valueObj.subs[0]?.value.toString('utf8');
  } catch {
    return undefined;
  }
}
